import { listParticipants } from '../conversations/participants.repository.ts'
import { messageView } from '../messages/message.view.ts'
import type { MessageStore } from '../messages/message-body.ts'
import { listMessages } from '../messages/messages.repository.ts'
import { visibleAt } from '../messages/retention.config.ts'
import type { Clock } from '../platform/clock.ts'
import { measure } from '../platform/metrics.ts'
import { batchesOf } from './batches.ts'
import type { Range } from './replay.repository.ts'

/** `sent`, or why the frame did not get there: the socket has ended, or it is worth trying again after a delay. */
export type SendOutcome = { outcome: 'sent' } | { outcome: 'gone' } | { outcome: 'later'; delaySeconds: number }

export interface RangeSender extends MessageStore {
  clock: Clock
  /** Messages read from Postgres at a time. */
  pageSize: number
  send(frame: string): Promise<SendOutcome>
  /** Asked after each page; false when no further one may be begun. */
  mayGoOn(): Promise<boolean>
}

export interface RangeResult {
  /** `done`: everything up to `throughSeq` was sent, which is all of the range unless `hasMore`. */
  outcome: 'done' | 'gone' | 'later'
  delaySeconds: number
  throughSeq: number
  hasMore: boolean
  sent: number
}

/**
 * Sends a range of a conversation to one connection in `seq` order, page by page, in frames of up to 32 KB, one after the
 * other. `limit` bounds the number of messages.
 */
export const sendRange = async (
  sender: RangeSender,
  { conversationId, afterSeq, lastSeq }: Range,
  userId: string,
  limit = Number.POSITIVE_INFINITY,
): Promise<RangeResult> => {
  const { clock, pageSize, send, mayGoOn } = sender
  const participants = await listParticipants(sender.db, [conversationId])
  const others = participants.filter(participant => participant.user_id !== userId)
  const result: RangeResult = { outcome: 'done', delaySeconds: 0, throughSeq: afterSeq, hasMore: true, sent: 0 }
  for (;;) {
    const wanted = Math.min(pageSize, limit - result.sent)
    const rows = await listMessages(
      sender,
      { conversationId, above: result.throughSeq, below: lastSeq + 1, direction: 'asc', limit: wanted + 1 },
      visibleAt(clock.now()),
    )
    const messages = rows.slice(0, wanted).map(row => messageView(row, userId, others))
    for (const batch of batchesOf(conversationId, messages, clock.now())) {
      const answer = await send(batch.frame)
      if (answer.outcome !== 'sent') return { ...result, ...answer }
      result.throughSeq = batch.throughSeq
      result.sent += batch.count
      measure('MessagesReplayed', batch.count)
    }
    if (rows.length <= wanted) return { ...result, throughSeq: lastSeq, hasMore: false }
    if (result.sent >= limit) return result
    if (!(await mayGoOn())) return { ...result, outcome: 'later' }
  }
}
