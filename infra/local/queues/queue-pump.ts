import type { InvocationResult } from '../functions/function-host.ts'
import { attributesDigest, bodyDigest } from './message-digest.ts'
import { localAccount, localRegion, type MessageQueue, type ReceivedMessage } from './message-queue.ts'
import { type SqsUnits, sqsSteps } from './sqs-units.ts'

export interface QueuePump {
  /** Takes nothing more; resolves when the batches in flight are settled. */
  stop(): Promise<void>
}

export interface QueuePumpOptions {
  readonly queue: MessageQueue
  readonly batchSize: number
  readonly maxBatchingWindowSeconds: number
  readonly maxConcurrency: number
  /** Receiving a batch and deleting it are requests; the polls that find nothing are not counted. */
  readonly units: SqsUnits
  readonly invoke: (event: { Records: SqsRecord[] }) => Promise<InvocationResult>
  readonly log: (text: string) => void
}

const longPollMs = 20_000
/** One invocation carries 6 MB: this leaves room for what a record has besides its body. */
const maxBatchBytes = 5 * 1_048_576

interface SqsRecord {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  readonly attributes: Record<string, string>
  readonly messageAttributes: Record<string, object>
  readonly md5OfBody: string
  readonly md5OfMessageAttributes?: string
  readonly eventSource: 'aws:sqs'
  readonly eventSourceARN: string
  readonly awsRegion: string
}

const recordOf = (message: ReceivedMessage, eventSourceARN: string): SqsRecord => {
  const digest = attributesDigest(message.attributes)
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receiveCount),
      SentTimestamp: String(message.sentAt),
      SenderId: localAccount,
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
      ...message.systemAttributes,
    },
    messageAttributes: Object.fromEntries(
      Object.entries(message.attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
        name,
        {
          ...(StringValue !== undefined && { stringValue: StringValue }),
          ...(BinaryValue !== undefined && { binaryValue: BinaryValue }),
          stringListValues: [],
          binaryListValues: [],
          dataType: DataType,
        },
      ]),
    ),
    md5OfBody: bodyDigest(message.body),
    ...(digest && { md5OfMessageAttributes: digest }),
    eventSource: 'aws:sqs',
    eventSourceARN,
    awsRegion: localRegion,
  }
}

const bytesOf = (messages: readonly ReceivedMessage[]): number =>
  messages.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The messages that a function failed, from what it returned (`ReportBatchItemFailures`): none for nothing, null, `{}` and an
 * empty or null list; those named; and all of them when anything in the answer is not as it should be.
 */
export const failedMessages = (
  result: InvocationResult,
  batch: readonly ReceivedMessage[],
): readonly ReceivedMessage[] => {
  if (result.outcome !== 'ok') return batch
  const payload = result.payload ?? {}
  if (!isObject(payload)) return batch
  const failures = payload.batchItemFailures ?? []
  if (!Array.isArray(failures)) return batch
  const failed = failures.map((failure: unknown) =>
    batch.find(({ messageId }) => isObject(failure) && failure.itemIdentifier === messageId),
  )
  return failed.every(message => message !== undefined) ? failed : batch
}

/**
 * The event source mapping between a queue and its function: batches up to a size, a window or 6 MB, so many at the same time.
 * What succeeded is deleted; what failed comes again after the queue's visibility timeout, one receive later.
 */
export const startQueuePump = (options: QueuePumpOptions): QueuePump => {
  const { queue, batchSize, maxBatchingWindowSeconds, maxConcurrency, units, invoke, log } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const inFlight = new Set<Promise<void>>()

  const receive = (held: readonly ReceivedMessage[], waitMs: number): Promise<ReceivedMessage[]> => {
    return queue.receive({ max: batchSize - held.length, maxBytes: maxBatchBytes - bytesOf(held), waitMs, signal })
  }
  const gather = async (): Promise<ReceivedMessage[]> => {
    const batch = await receive([], longPollMs)
    const windowEnd = Date.now() + maxBatchingWindowSeconds * 1_000
    while (batch.length > 0 && batch.length < batchSize && Date.now() < windowEnd && !signal.aborted) {
      batch.push(...(await receive(batch, windowEnd - Date.now())))
    }
    return batch
  }

  const work = async (batch: readonly ReceivedMessage[]): Promise<void> => {
    units.sqsRequests += sqsSteps(bytesOf(batch))
    const result = await invoke({ Records: batch.map(message => recordOf(message, queue.arn)) })
    const failed = failedMessages(result, batch)
    for (const message of batch) {
      if (!failed.includes(message)) queue.delete(message.receiptHandle)
    }
    if (failed.length < batch.length) units.sqsRequests += 1
    if (failed.length > 0 && !signal.aborted) {
      log(
        `${failed.length} of ${batch.length} records of ${queue.name} failed; they come again in ${queue.visibilitySeconds} s`,
      )
    }
  }

  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      if (inFlight.size >= maxConcurrency) {
        await Promise.race(inFlight)
        continue
      }
      const batch = await gather()
      if (batch.length === 0) continue
      const working: Promise<void> = work(batch)
        .catch(error => log(`A batch of ${queue.name} was not handed over: ${error}`))
        .finally(() => inFlight.delete(working))
      inFlight.add(working)
    }
    await Promise.all(inFlight)
  }
  const ended = loop()
  return {
    stop: () => {
      stopping.abort()
      return ended
    },
  }
}
