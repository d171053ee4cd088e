import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { attributesDigest, bodyDigest } from './message-digest.ts'
import {
  createMessageQueue,
  localAccount,
  type MessageQueue,
  type OutgoingMessage,
  type QueueFaults,
  type ReceivedMessage,
} from './message-queue.ts'
import { invalidReceipt, notInFlight, queueDoesNotExist, SqsError, serviceUnavailable } from './sqs-errors.ts'
import * as requests from './sqs-requests.ts'
import { type SqsUnits, sqsSteps } from './sqs-units.ts'

export interface QueueSettings {
  readonly visibilitySeconds: number
  /** How many messages it holds; the oldest makes way for the next. Without it any number. */
  readonly capacity?: number
  /** Also the name of a queue in the table. */
  readonly redrive?: { readonly to: string; readonly maxReceiveCount: number }
}

export interface Sqs {
  /** `http://127.0.0.1:port` */
  readonly url: string
  /** What a function gets as its queue's URL; the SDK finds this API by it. */
  queueUrl(name: string): string
  queue(name: string): MessageQueue
  readonly faults: QueueFaults
  readonly units: SqsUnits
  stop(): Promise<void>
}

const retentionSeconds = 345_600
const maxRequestBytes = 2 * 1_048_576

const systemAttributesOf = (message: ReceivedMessage): Record<string, string> => ({
  SenderId: localAccount,
  SentTimestamp: String(message.sentAt),
  ApproximateReceiveCount: String(message.receiveCount),
  ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
  ...message.systemAttributes,
})

const outgoing = (message: requests.Message): OutgoingMessage => ({
  body: message.MessageBody,
  attributes: message.MessageAttributes,
  systemAttributes: {
    ...(message.MessageSystemAttributes.AWSTraceHeader?.StringValue && {
      AWSTraceHeader: message.MessageSystemAttributes.AWSTraceHeader.StringValue,
    }),
    ...(message.MessageGroupId && { MessageGroupId: message.MessageGroupId }),
  },
  delaySeconds: message.DelaySeconds,
})

const send = (queue: MessageQueue, message: requests.Message) => {
  requests.checkContent(message)
  return {
    MessageId: queue.send(outgoing(message)),
    MD5OfMessageBody: bodyDigest(message.MessageBody),
    MD5OfMessageAttributes: attributesDigest(message.MessageAttributes),
  }
}

const isAsked = (name: string, names: readonly string[]): boolean =>
  names.some(
    asked => asked === name || asked === 'All' || (asked.endsWith('.*') && name.startsWith(asked.slice(0, -2))),
  )

const pick = <Value>(record: Readonly<Record<string, Value>>, names: readonly string[]) => {
  const asked = Object.entries(record).filter(([name]) => isAsked(name, names))
  return asked.length > 0 ? Object.fromEntries(asked) : undefined
}

const deliver = (message: ReceivedMessage, system: readonly string[], names: readonly string[]) => {
  const attributes = pick(message.attributes, names)
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: bodyDigest(message.body),
    Attributes: pick(systemAttributesOf(message), system),
    MessageAttributes: attributes,
    MD5OfMessageAttributes: attributes && attributesDigest(attributes),
  }
}

const remove = (queue: MessageQueue, receiptHandle: string): void => {
  if (!queue.delete(receiptHandle)) throw invalidReceipt(receiptHandle)
}

const changeVisibility = (queue: MessageQueue, receiptHandle: string, seconds: number): void => {
  const outcome = queue.changeVisibility(receiptHandle, seconds)
  if (outcome === 'invalid') throw invalidReceipt(receiptHandle)
  if (outcome === 'not in flight') throw notInFlight()
}

/** Does each entry by itself: one that fails stands among the failed, and the others are done. */
const each = <Entry extends { Id: string }>(entries: readonly Entry[], work: (entry: Entry) => object | undefined) => {
  requests.checkBatch(entries)
  const Successful: object[] = []
  const Failed: object[] = []
  for (const entry of entries) {
    try {
      Successful.push({ Id: entry.Id, ...work(entry) })
    } catch (error) {
      if (!(error instanceof SqsError)) throw error
      Failed.push({ Id: entry.Id, SenderFault: true, Code: error.queryCode, Message: error.message })
    }
  }
  return { Successful, Failed }
}

const attributesOf = (queue: MessageQueue): Record<string, string> => {
  const { visible, inFlight, delayed } = queue.counts()
  return {
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    VisibilityTimeout: String(queue.visibilitySeconds),
    DelaySeconds: '0',
    ReceiveMessageWaitTimeSeconds: '0',
    MessageRetentionPeriod: String(retentionSeconds),
    MaximumMessageSize: '1048576',
    ...(queue.redrive && {
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: queue.redrive.deadLetterArn,
        maxReceiveCount: queue.redrive.maxReceiveCount,
      }),
    }),
  }
}

type Operation = (input: unknown, signal: AbortSignal) => object | Promise<object>

const operationsOf = (queues: ReadonlyMap<string, MessageQueue>, queueUrl: (name: string) => string) => {
  const named = (name: string): MessageQueue => {
    const queue = queues.get(name)
    if (!queue) throw queueDoesNotExist()
    return queue
  }
  const at = ({ QueueUrl }: { QueueUrl: string }): MessageQueue => named(QueueUrl.split('/').at(-1) ?? '')

  const operations: Record<string, Operation> = {
    SendMessage: input => {
      const request = requests.parse(requests.SendMessage, input)
      requests.checkSize([request])
      return send(at(request), request)
    },
    SendMessageBatch: input => {
      const request = requests.parse(requests.SendMessageBatch, input)
      requests.checkSize(request.Entries)
      return each(request.Entries, entry => send(at(request), entry))
    },
    ReceiveMessage: async (input, signal) => {
      const request = requests.parse(requests.ReceiveMessage, input)
      const messages = await at(request).receive({
        max: request.MaxNumberOfMessages,
        waitMs: request.WaitTimeSeconds * 1_000,
        ...(request.VisibilityTimeout !== undefined && { visibilitySeconds: request.VisibilityTimeout }),
        signal,
      })
      const system = [...request.AttributeNames, ...request.MessageSystemAttributeNames]
      return { Messages: messages.map(message => deliver(message, system, request.MessageAttributeNames)) }
    },
    DeleteMessage: input => {
      const request = requests.parse(requests.DeleteMessage, input)
      remove(at(request), request.ReceiptHandle)
      return {}
    },
    DeleteMessageBatch: input => {
      const request = requests.parse(requests.DeleteMessageBatch, input)
      return each(request.Entries, entry => {
        remove(at(request), entry.ReceiptHandle)
        return undefined
      })
    },
    ChangeMessageVisibility: input => {
      const request = requests.parse(requests.ChangeMessageVisibility, input)
      changeVisibility(at(request), request.ReceiptHandle, request.VisibilityTimeout)
      return {}
    },
    ChangeMessageVisibilityBatch: input => {
      const request = requests.parse(requests.ChangeMessageVisibilityBatch, input)
      return each(request.Entries, entry => {
        changeVisibility(at(request), entry.ReceiptHandle, entry.VisibilityTimeout)
        return undefined
      })
    },
    GetQueueAttributes: input => {
      const request = requests.parse(requests.GetQueueAttributes, input)
      return { Attributes: pick(attributesOf(at(request)), request.AttributeNames) }
    },
    GetQueueUrl: input => ({ QueueUrl: queueUrl(named(requests.parse(requests.GetQueueUrl, input).QueueName).name) }),
    PurgeQueue: input => {
      at(requests.parse(requests.PurgeQueue, input)).purge()
      return {}
    },
  }
  return operations
}

const readJson = async (request: IncomingMessage): Promise<{ input: unknown; bytes: number }> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxRequestBytes) throw new SqsError('InvalidParameterValue', 'The request is too long.')
    chunks.push(chunk)
  }
  try {
    return { input: JSON.parse(Buffer.concat(chunks).toString()), bytes }
  } catch {
    throw new SqsError('SerializationException', 'The request is not JSON.')
  }
}

const answer = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void => {
  const id = randomUUID()
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': id, ...headers })
  response.end(JSON.stringify(body))
}

const answerError = (response: ServerResponse, { name, message, queryCode, status }: SqsError): void => {
  const whose = status < 500 ? 'Sender' : 'Receiver'
  const body = { __type: `com.amazonaws.sqs#${name}`, message }
  answer(response, status, body, { 'x-amzn-query-error': `${queryCode};${whose}` })
}

const makeQueues = (settings: Readonly<Record<string, QueueSettings>>, faults: QueueFaults) => {
  const queues = new Map<string, MessageQueue>()
  const make = (name: string): MessageQueue => {
    const known = queues.get(name)
    const definition = settings[name]
    if (known) return known
    if (!definition) throw new Error(`A queue redrives to ${name}, which is none`)
    const { visibilitySeconds, capacity, redrive } = definition
    const queue = createMessageQueue({
      name,
      visibilitySeconds,
      ...(capacity !== undefined && { capacity }),
      faults,
      ...(redrive && { redrive: { to: make(redrive.to), maxReceiveCount: redrive.maxReceiveCount } }),
    })
    queues.set(name, queue)
    return queue
  }
  for (const name of Object.keys(settings)) make(name)
  return queues
}

/**
 * SQS on 127.0.0.1 for the SDK's client (its JSON protocol): standard queues with delays, visibility, receive counts, redrive
 * and long polls. They are in memory and lost on a restart, which the service must survive anyway: Postgres is its truth.
 */
export const startSqs = async (settings: Readonly<Record<string, QueueSettings>>): Promise<Sqs> => {
  const faults: QueueFaults = { deliverTwice: false, unavailable: false }
  const queues = makeQueues(settings, faults)
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const queueUrl = (name: string): string => `${url}/${localAccount}/${name}`
  const operations = operationsOf(queues, queueUrl)
  const units: SqsUnits = { sqsRequests: 0 }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    try {
      const { input, bytes } = await readJson(request)
      units.sqsRequests += sqsSteps(bytes)
      if (faults.unavailable) throw serviceUnavailable()
      const target = String(request.headers['x-amz-target'] ?? '')
      const operation = operations[target.replace(/^AmazonSQS\./, '')]
      if (!operation) throw new SqsError('UnsupportedOperation', `There is no operation ${target} here.`)
      answer(response, 200, await operation(input, gone.signal))
    } catch (error) {
      answerError(
        response,
        error instanceof SqsError ? error : new SqsError('InternalFailure', String(error), { status: 500 }),
      )
    }
  }
  server.on('request', (request, response) => void handle(request, response))

  return {
    url,
    queueUrl,
    queue: name => {
      const queue = queues.get(name)
      if (!queue) throw new Error(`There is no queue ${name}`)
      return queue
    },
    faults,
    units,
    stop: async () => {
      for (const queue of queues.values()) queue.close()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
