import { randomUUID } from 'node:crypto'

export interface MessageAttribute {
  readonly DataType: string
  readonly StringValue?: string
  /** Base64. */
  readonly BinaryValue?: string
}

export interface OutgoingMessage {
  readonly body: string
  readonly attributes: Readonly<Record<string, MessageAttribute>>
  /** `AWSTraceHeader`, `MessageGroupId`. */
  readonly systemAttributes: Readonly<Record<string, string>>
  readonly delaySeconds: number
}

export interface ReceivedMessage extends OutgoingMessage {
  readonly messageId: string
  /** Milliseconds since 1970. */
  readonly sentAt: number
  readonly firstReceivedAt: number
  /** How often it has been received, this time included. */
  readonly receiveCount: number
  readonly receiptHandle: string
}

export interface ReceiveOptions {
  readonly max: number
  /** Of bodies, in UTF-8; the first message comes whatever its size. */
  readonly maxBytes?: number
  /** How long to wait for the first message. */
  readonly waitMs: number
  readonly visibilitySeconds?: number
  readonly signal?: AbortSignal
}

export interface QueueOptions {
  readonly name: string
  readonly visibilitySeconds: number
  /** How many messages it holds; the oldest makes way for the next. Without it any number, as on AWS. */
  readonly capacity?: number
  readonly redrive?: { readonly to: MessageQueue; readonly maxReceiveCount: number }
  readonly faults: QueueFaults
}

/** To be switched by tests, at any time. */
export interface QueueFaults {
  /** Each message that is sent from now on is delivered twice, as a standard queue may do. */
  deliverTwice: boolean
  /** Every request is answered by an error, and nothing is delivered. */
  unavailable: boolean
}

export interface MessageQueue {
  readonly name: string
  readonly arn: string
  readonly visibilitySeconds: number
  readonly redrive: { readonly deadLetterArn: string; readonly maxReceiveCount: number } | undefined
  /** Returns the message's id. */
  send(message: OutgoingMessage): string
  /** Up to `max` messages, in no order to rely on; each is hidden from others for its visibility time. Empty when none came. */
  receive(options: ReceiveOptions): Promise<ReceivedMessage[]>
  /** Deletes the message of the latest receipt; an older receipt changes nothing. False when it is no receipt of this queue. */
  delete(receiptHandle: string): boolean
  /** Hides the message for so long from now on; 0 shows it at once. */
  changeVisibility(receiptHandle: string, seconds: number): 'changed' | 'not in flight' | 'invalid'
  counts(): { visible: number; inFlight: number; delayed: number }
  purge(): void
  /** Drops everything and wakes who waits. */
  close(): void
}

export const localAccount = '000000000000'
export const localRegion = 'us-east-1'

/** How soon a waiting receive notices that the queue is available again. */
const faultPollMs = 100

interface Entry {
  readonly message: OutgoingMessage
  readonly messageId: string
  readonly sentAt: number
  firstReceivedAt: number | undefined
  receiveCount: number
}

/** A receipt names the copy of a message and which receive of it this was. */
const encodeReceipt = (queue: string, key: string, receive: number): string =>
  Buffer.from(JSON.stringify([queue, key, receive])).toString('base64')

const decodeReceipt = (queue: string, receipt: string): { key: string; receive: number } | undefined => {
  try {
    const [name, key, receive] = JSON.parse(Buffer.from(receipt, 'base64').toString()) as [string, string, number]
    return name === queue ? { key, receive } : undefined
  } catch {
    return undefined
  }
}

/** A standard queue of SQS, in memory: what is in it is lost with the process. */
export const createMessageQueue = (options: QueueOptions): MessageQueue => {
  const { name, visibilitySeconds, capacity = Number.POSITIVE_INFINITY, redrive, faults } = options
  const entries = new Map<string, Entry>()
  const visible = new Set<string>()
  /** In flight or delayed: what makes them visible. */
  const hidden = new Map<string, NodeJS.Timeout>()
  const waiting = new Set<() => void>()
  let closed = false

  const show = (key: string): void => {
    clearTimeout(hidden.get(key))
    hidden.delete(key)
    visible.add(key)
    for (const wake of waiting) wake()
  }
  const hide = (key: string, seconds: number): void => {
    clearTimeout(hidden.get(key))
    visible.delete(key)
    if (seconds === 0) show(key)
    else hidden.set(key, setTimeout(show, seconds * 1_000, key))
  }
  const remove = (key: string): void => {
    clearTimeout(hidden.get(key))
    hidden.delete(key)
    visible.delete(key)
    entries.delete(key)
  }

  const add = (message: OutgoingMessage, messageId: string): void => {
    const key = randomUUID()
    entries.set(key, { message, messageId, sentAt: Date.now(), firstReceivedAt: undefined, receiveCount: 0 })
    hide(key, message.delaySeconds)
    if (entries.size > capacity) for (const oldest of entries.keys().take(1)) remove(oldest)
  }
  const send = (message: OutgoingMessage): string => {
    const messageId = randomUUID()
    for (let copy = 0; copy < (faults.deliverTwice ? 2 : 1); copy += 1) add(message, messageId)
    return messageId
  }

  const take = (max: number, maxBytes: number, seconds: number): ReceivedMessage[] => {
    const taken: ReceivedMessage[] = []
    let bytes = 0
    for (const key of visible) {
      if (taken.length === max || faults.unavailable) break
      const entry = entries.get(key)
      if (!entry) continue
      if (redrive && entry.receiveCount >= redrive.maxReceiveCount) {
        redrive.to.send({ ...entry.message, delaySeconds: 0 })
        remove(key)
        continue
      }
      bytes += Buffer.byteLength(entry.message.body)
      if (taken.length > 0 && bytes > maxBytes) break
      entry.firstReceivedAt ??= Date.now()
      entry.receiveCount += 1
      hide(key, seconds)
      taken.push({
        ...entry.message,
        messageId: entry.messageId,
        sentAt: entry.sentAt,
        firstReceivedAt: entry.firstReceivedAt,
        receiveCount: entry.receiveCount,
        receiptHandle: encodeReceipt(name, key, entry.receiveCount),
      })
    }
    return taken
  }

  const untilVisible = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
    new Promise(resolve => {
      const wake = (): void => {
        clearTimeout(timer)
        waiting.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      waiting.add(wake)
      signal?.addEventListener('abort', wake)
    })

  const receive = async (options: ReceiveOptions): Promise<ReceivedMessage[]> => {
    const { max, maxBytes = Number.POSITIVE_INFINITY, waitMs, signal } = options
    const deadline = Date.now() + waitMs
    for (;;) {
      if (signal?.aborted || closed) return []
      const taken = take(max, maxBytes, options.visibilitySeconds ?? visibilitySeconds)
      const left = deadline - Date.now()
      if (taken.length > 0 || left <= 0) return taken
      await untilVisible(faults.unavailable ? Math.min(left, faultPollMs) : left, signal)
    }
  }

  return {
    name,
    arn: `arn:aws:sqs:${localRegion}:${localAccount}:${name}`,
    visibilitySeconds,
    redrive: redrive && { deadLetterArn: redrive.to.arn, maxReceiveCount: redrive.maxReceiveCount },
    send,
    receive,
    delete: receiptHandle => {
      const receipt = decodeReceipt(name, receiptHandle)
      if (receipt && entries.get(receipt.key)?.receiveCount === receipt.receive) remove(receipt.key)
      return receipt !== undefined
    },
    changeVisibility: (receiptHandle, seconds) => {
      const receipt = decodeReceipt(name, receiptHandle)
      if (!receipt) return 'invalid'
      const isCurrent = entries.get(receipt.key)?.receiveCount === receipt.receive && hidden.has(receipt.key)
      if (!isCurrent) return 'not in flight'
      hide(receipt.key, seconds)
      return 'changed'
    },
    counts: () => {
      const delayed = Array.from(hidden.keys()).filter(key => entries.get(key)?.receiveCount === 0).length
      return { visible: visible.size, inFlight: hidden.size - delayed, delayed }
    },
    purge: () => {
      for (const key of entries.keys()) remove(key)
    },
    close: () => {
      closed = true
      for (const key of entries.keys()) remove(key)
      for (const wake of waiting) wake()
    },
  }
}
