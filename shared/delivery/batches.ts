import type { Message } from '../messages/messages.schema.ts'

/** Billing counts frames in steps of 32 KB, and a client on API Gateway gets no larger ones. */
const maxFrameBytes = 32 * 1024

export interface Batch {
  frame: string
  /** The last position in it. */
  throughSeq: number
  count: number
}

/** Messages of one conversation, in the order given, as `messages.batch` frames of at most 32 KB. */
export const batchesOf = (conversationId: string, messages: readonly Message[], at: Date): Batch[] => {
  const head = `{"event":"messages.batch","data":{"conversationId":"${conversationId}","messages":[`
  const tail = `],"replayed":true},"at":"${at.toISOString()}"}`
  const room = maxFrameBytes - Buffer.byteLength(head) - Buffer.byteLength(tail)
  const batches: Batch[] = []
  let parts: string[] = []
  let bytes = 0
  let throughSeq = 0
  const close = () => {
    if (parts.length > 0) batches.push({ frame: head + parts.join(',') + tail, throughSeq, count: parts.length })
    parts = []
    bytes = 0
  }
  for (const message of messages) {
    const part = JSON.stringify(message)
    const size = Buffer.byteLength(part) + 1
    if (bytes + size > room) close()
    parts.push(part)
    bytes += size
    throughSeq = message.seq
  }
  close()
  return batches
}
