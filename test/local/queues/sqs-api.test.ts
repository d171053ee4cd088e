import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  PurgeQueueCommand,
  QueueDoesNotExist,
  ReceiptHandleIsInvalid,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  type SendMessageBatchCommand as SendBatch,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Sqs, startSqs } from '../../../infra/local/queues/sqs-api.ts'
import { sqsClient } from './sqs-client.ts'

describe('SQS of the local host, asked by the SDK', () => {
  let sqs: Sqs
  let QueueUrl: string
  const client = sqsClient()

  beforeEach(async () => {
    sqs = await startSqs({
      Jobs: { visibilitySeconds: 1, redrive: { to: 'JobsDeadLetters', maxReceiveCount: 2 } },
      JobsDeadLetters: { visibilitySeconds: 30 },
      Unread: { visibilitySeconds: 30, capacity: 2 },
    })
    QueueUrl = sqs.queueUrl('Jobs')
  })
  afterEach(() => sqs.stop())

  const send = (MessageBody: string, more: object = {}) =>
    client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }))
  const receive = async (input: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> => {
    const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl, ...input }))
    return Messages
  }

  test('keeps as many messages as a queue may hold, and drops the oldest, whether they are delayed or not', async () => {
    QueueUrl = sqs.queueUrl('Unread')
    await send('oldest', { DelaySeconds: 1 })
    for (const body of ['older', 'newer', 'newest']) await send(body)
    const received = await receive({ MaxNumberOfMessages: 10 })
    expect(received.map(({ Body }) => Body)).toEqual(['newer', 'newest'])
    expect(sqs.queue('Unread').counts()).toEqual({ visible: 0, inFlight: 2, delayed: 0 })
  })

  test('gives back what was sent, with digests that the SDK checks', async () => {
    const attributes = {
      kind: { DataType: 'String', StringValue: 'replay' },
      hops: { DataType: 'Number', StringValue: '3' },
      raw: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2, 255]) },
    }
    const sent = await send('{"text":"Grüße 🎉"}', { MessageAttributes: attributes })

    const [message] = await receive({ MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'] })
    expect(message).toMatchObject({
      MessageId: sent.MessageId,
      Body: '{"text":"Grüße 🎉"}',
      MD5OfBody: sent.MD5OfMessageBody,
      MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
      MessageAttributes: attributes,
      Attributes: { ApproximateReceiveCount: '1', SenderId: '000000000000' },
    })
  })

  test('digests attributes as SQS does', async () => {
    const timestamp = { DataType: 'Number', StringValue: '1493147359900' }
    const { MD5OfMessageAttributes } = await send('derp', { MessageAttributes: { timestamp } })
    expect(MD5OfMessageAttributes).toBe('235c5c510d26fb653d073faed50ae77c')
  })

  test('gives attributes only to those who ask for them', async () => {
    await send('x', { MessageAttributes: { 'kind.a': { DataType: 'String', StringValue: 'a' } } })
    const [message] = await receive({ MessageAttributeNames: ['other', 'kind.*'], VisibilityTimeout: 0 })
    expect(message?.Attributes).toBeUndefined()
    expect(Object.keys(message?.MessageAttributes ?? {})).toEqual(['kind.a'])
    const [again] = await receive({ MessageSystemAttributeNames: ['SentTimestamp'] })
    expect(Object.keys(again?.Attributes ?? {})).toEqual(['SentTimestamp'])
    expect(again?.MessageAttributes).toBeUndefined()
  })

  test('does batches entry by entry: one that fails does not stop the others', async () => {
    const entries = [
      { Id: 'a', MessageBody: 'first' },
      { Id: 'b', MessageBody: 'not \u0000 XML' },
      { Id: 'c', MessageBody: 'third' },
    ]
    const sent = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries: entries }))
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(['a', 'c'])
    expect(sent.Failed).toMatchObject([{ Id: 'b', SenderFault: true, Code: 'InvalidMessageContents' }])

    const messages = await receive({ MaxNumberOfMessages: 10 })
    expect(messages.map(({ Body }) => Body)).toEqual(['first', 'third'])
    const deleted = await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: [
          { Id: '0', ReceiptHandle: messages[0]?.ReceiptHandle },
          { Id: '1', ReceiptHandle: 'none' },
        ],
      }),
    )
    expect(deleted.Successful?.map(({ Id }) => Id)).toEqual(['0'])
    expect(deleted.Failed).toMatchObject([{ Id: '1', Code: 'ReceiptHandleIsInvalid' }])
  })

  test('hides a delayed message for as long as asked', async () => {
    await send('later', { DelaySeconds: 1 })
    expect(await receive()).toEqual([])
    const before = Date.now()
    expect(await receive({ WaitTimeSeconds: 5 })).toMatchObject([{ Body: 'later' }])
    expect(Date.now() - before).toBeGreaterThan(500)
  })

  test('ends a long poll as soon as a message comes', async () => {
    const polling = receive({ WaitTimeSeconds: 20 })
    await send('now')
    expect(await polling).toMatchObject([{ Body: 'now' }])
  })

  test('answers an empty long poll when its time is up', async () => {
    const before = Date.now()
    expect(await receive({ WaitTimeSeconds: 1 })).toEqual([])
    expect(Date.now() - before).toBeGreaterThanOrEqual(990)
  })

  test('shows a message again after its visibility timeout, and hands it to the dead-letter queue after its last receive', async () => {
    const { MessageId } = await send('stubborn')
    const system = { MessageSystemAttributeNames: ['ApproximateReceiveCount' as const] }
    const [first] = await receive(system)
    expect(await receive()).toEqual([])
    const [second] = await receive({ ...system, WaitTimeSeconds: 5, VisibilityTimeout: 0 })
    expect(first?.Attributes?.ApproximateReceiveCount).toBe('1')
    expect(second).toMatchObject({ MessageId, Attributes: { ApproximateReceiveCount: '2' } })
    expect(second?.ReceiptHandle).not.toBe(first?.ReceiptHandle)

    expect(await receive()).toEqual([])
    expect(await receive({ QueueUrl: sqs.queueUrl('JobsDeadLetters') })).toMatchObject([{ Body: 'stubborn' }])
  })

  test('changes the visibility of a message in flight, and of no other', async () => {
    await send('x')
    const [first] = await receive({ VisibilityTimeout: 600 })
    const change = (ReceiptHandle: string | undefined, VisibilityTimeout: number) =>
      client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }))
    await change(first?.ReceiptHandle, 0)
    const [second] = await receive()
    expect(second).toMatchObject({ Body: 'x' })
    await expect(change(first?.ReceiptHandle, 5)).rejects.toMatchObject({ name: 'MessageNotInflight' })
  })

  test('deletes by the latest receipt only', async () => {
    await send('x')
    const [first] = await receive({ VisibilityTimeout: 0 })
    const [second] = await receive({ VisibilityTimeout: 0 })
    const remove = (message: Message | undefined) =>
      client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }))
    await remove(first)
    expect(sqs.queue('Jobs').counts().visible).toBe(1)
    await remove(second)
    await remove(second)
    expect(sqs.queue('Jobs').counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  })

  test('tells what is in a queue and how it is set up, and empties it', async () => {
    await send('visible')
    await send('delayed', { DelaySeconds: 100 })
    await send('in flight')
    await receive({ VisibilityTimeout: 100 })
    const ask = async () =>
      (await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes
    expect(await ask()).toMatchObject({
      QueueArn: 'arn:aws:sqs:us-east-1:000000000000:Jobs',
      ApproximateNumberOfMessages: '1',
      ApproximateNumberOfMessagesDelayed: '1',
      ApproximateNumberOfMessagesNotVisible: '1',
      VisibilityTimeout: '1',
      RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:JobsDeadLetters","maxReceiveCount":2}',
    })
    await client.send(new PurgeQueueCommand({ QueueUrl }))
    expect(await ask()).toMatchObject({ ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesDelayed: '0' })
  })

  test('finds a queue by its name', async () => {
    const byEndpoint = sqsClient({ endpoint: sqs.url })
    const ask = (QueueName: string) => byEndpoint.send(new GetQueueUrlCommand({ QueueName }))
    expect((await ask('Jobs')).QueueUrl).toBe(QueueUrl)
    await expect(ask('Nothing')).rejects.toBeInstanceOf(QueueDoesNotExist)
  })

  test('refuses what SQS refuses, by its names', async () => {
    await expect(send('x', { QueueUrl: `${sqs.url}/000000000000/Nothing` })).rejects.toBeInstanceOf(QueueDoesNotExist)
    await expect(send('\ud800')).rejects.toMatchObject({ name: 'InvalidMessageContents' })
    await expect(send('x'.repeat(1_048_577))).rejects.toMatchObject({ name: 'InvalidParameterValue' })
    await expect(send('x', { DelaySeconds: 901 })).rejects.toMatchObject({ name: 'InvalidParameterValue' })
    await expect(send('')).rejects.toMatchObject({ name: 'InvalidParameterValue' })
    await expect(receive({ MaxNumberOfMessages: 11 })).rejects.toMatchObject({ name: 'InvalidParameterValue' })
    await expect(client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'none' }))).rejects.toBeInstanceOf(
      ReceiptHandleIsInvalid,
    )
    const batch = (...Ids: string[]): Promise<unknown> => {
      const input: SendBatch['input'] = { QueueUrl, Entries: Ids.map(Id => ({ Id, MessageBody: 'x' })) }
      return client.send(new SendMessageBatchCommand(input))
    }
    await expect(batch()).rejects.toMatchObject({ name: 'EmptyBatchRequest' })
    await expect(batch('a', 'a')).rejects.toMatchObject({ name: 'BatchEntryIdsNotDistinct' })
    await expect(batch(...'abcdefghijk')).rejects.toMatchObject({ name: 'TooManyEntriesInBatchRequest' })
    expect(sqs.queue('Jobs').counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  })

  test('delivers every message twice, as a fault', async () => {
    sqs.faults.deliverTwice = true
    const { MessageId } = await send('twice')
    const messages = await receive({ MaxNumberOfMessages: 10 })
    expect(messages.map(message => message.MessageId)).toEqual([MessageId, MessageId])
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: messages[0]?.ReceiptHandle }))
    expect(sqs.queue('Jobs').counts().inFlight).toBe(1)
  })

  test('is unavailable for a while, as a fault, and serves those who wait when it is back', async () => {
    await send('kept')
    sqs.faults.unavailable = true
    await expect(send('x')).rejects.toMatchObject({ name: 'ServiceUnavailable', $metadata: { httpStatusCode: 503 } })
    const waiting = sqs.queue('Jobs').receive({ max: 1, waitMs: 5_000 })
    sqs.faults.unavailable = false
    expect(await waiting).toMatchObject([{ body: 'kept' }])
    expect(
      await sqsClient({ maxAttempts: 3 }).send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' })),
    ).toHaveProperty('MessageId')
  })
})
