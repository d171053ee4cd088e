import * as z from 'zod'
import { SqsError } from './sqs-errors.ts'

/** Messages and batches: 1 MiB. */
const maxBytes = 1_048_576
const maxBatch = 10

const QueueUrl = z.string()
const DelaySeconds = z.int().min(0).max(900).default(0)
const VisibilityTimeout = z.int().min(0).max(43_200)
const Attribute = z.object({
  DataType: z.string().regex(/^(String|Number|Binary)(\..+)?$/),
  StringValue: z.string().exactOptional(),
  BinaryValue: z.base64().exactOptional(),
})
const Message = z.object({
  MessageBody: z.string().min(1),
  DelaySeconds,
  MessageAttributes: z.record(z.string(), Attribute).default({}),
  MessageSystemAttributes: z.object({ AWSTraceHeader: Attribute.optional() }).default({}),
  MessageGroupId: z.string().max(128).optional(),
})
const Id = z.string().regex(/^[\w-]{1,80}$/)
const Names = z.array(z.string()).default([])

export const SendMessage = Message.extend({ QueueUrl })
export const SendMessageBatch = z.object({ QueueUrl, Entries: z.array(Message.extend({ Id })) })
export const ReceiveMessage = z.object({
  QueueUrl,
  MaxNumberOfMessages: z.int().min(1).max(maxBatch).default(1),
  WaitTimeSeconds: z.int().min(0).max(20).default(0),
  VisibilityTimeout: VisibilityTimeout.optional(),
  AttributeNames: Names,
  MessageSystemAttributeNames: Names,
  MessageAttributeNames: Names,
})
export const DeleteMessage = z.object({ QueueUrl, ReceiptHandle: z.string() })
export const DeleteMessageBatch = z.object({ QueueUrl, Entries: z.array(z.object({ Id, ReceiptHandle: z.string() })) })
export const ChangeMessageVisibility = z.object({ QueueUrl, ReceiptHandle: z.string(), VisibilityTimeout })
export const ChangeMessageVisibilityBatch = z.object({
  QueueUrl,
  Entries: z.array(z.object({ Id, ReceiptHandle: z.string(), VisibilityTimeout })),
})
export const GetQueueAttributes = z.object({ QueueUrl, AttributeNames: Names })
export const GetQueueUrl = z.object({ QueueName: z.string() })
export const PurgeQueue = z.object({ QueueUrl })

export type Message = z.output<typeof Message>

/** Throws SQS's error for input that does not fit. */
export const parse = <Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> => {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const missing = issue?.code === 'invalid_type' && issue.message.includes('received undefined')
  throw new SqsError(
    missing ? 'MissingParameter' : 'InvalidParameterValue',
    `${issue?.path.join('.')}: ${issue?.message}`,
  )
}

/** Entries have ids of their own and are few. */
export const checkBatch = (entries: readonly { Id: string }[]): void => {
  const query = (name: string) => ({ queryCode: `AWS.SimpleQueueService.${name}` })
  if (entries.length === 0) {
    throw new SqsError('EmptyBatchRequest', 'There should be at least one entry.', query('EmptyBatchRequest'))
  }
  if (entries.length > maxBatch) {
    throw new SqsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${maxBatch}. You have sent ${entries.length}.`,
      query('TooManyEntriesInBatchRequest'),
    )
  }
  if (new Set(entries.map(entry => entry.Id)).size < entries.length) {
    throw new SqsError('BatchEntryIdsNotDistinct', 'Ids are repeated.', query('BatchEntryIdsNotDistinct'))
  }
}

const size = (message: Message): number => {
  const attributes = Object.entries(message.MessageAttributes).flatMap(([name, value]) => [
    name,
    ...Object.values(value),
  ])
  return [message.MessageBody, ...attributes].reduce((sum, text) => sum + Buffer.byteLength(text), 0)
}

export const checkSize = (messages: readonly Message[]): void => {
  if (messages.reduce((sum, message) => sum + size(message), 0) <= maxBytes) return
  throw messages.length === 1
    ? new SqsError(
        'InvalidParameterValue',
        `One or more parameters are invalid. Reason: Message must be shorter than ${maxBytes} bytes.`,
      )
    : new SqsError('BatchRequestTooLong', `Batch requests cannot be longer than ${maxBytes} bytes.`, {
        queryCode: 'AWS.SimpleQueueService.BatchRequestTooLong',
      })
}

/** The characters of XML 1.0: SQS takes no others. */
const content = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u

export const checkContent = ({ MessageBody }: Message): void => {
  if (!content.test(MessageBody)) {
    throw new SqsError('InvalidMessageContents', 'Invalid characters were found in the message body.')
  }
}
