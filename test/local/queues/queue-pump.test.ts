import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { InvocationResult } from '../../../infra/local/functions/function-host.ts'
import { createMessageQueue, type MessageQueue } from '../../../infra/local/queues/message-queue.ts'
import { type QueuePump, type QueuePumpOptions, startQueuePump } from '../../../infra/local/queues/queue-pump.ts'
import type { SqsUnits } from '../../../infra/local/queues/sqs-units.ts'
import { until } from '../stores/until.ts'

type Event = Parameters<QueuePumpOptions['invoke']>[0]

const ok = (payload?: unknown): InvocationResult => ({ outcome: 'ok', payload, durationMs: 1 })

describe('The event source mapping between a queue and its function', () => {
  const faults = { deliverTwice: false, unavailable: false }
  let deadLetters: MessageQueue
  let queue: MessageQueue
  let pumps: QueuePump[]
  let events: Event[]
  let log: string[]
  let units: SqsUnits

  beforeEach(() => {
    deadLetters = createMessageQueue({ name: 'JobsDeadLetters', visibilitySeconds: 30, faults })
    queue = createMessageQueue({
      name: 'Jobs',
      visibilitySeconds: 0.1,
      redrive: { to: deadLetters, maxReceiveCount: 2 },
      faults,
    })
    pumps = []
    units = { sqsRequests: 0 }
    events = []
    log = []
  })
  afterEach(async () => {
    await Promise.all(pumps.map(pump => pump.stop()))
    queue.close()
    deadLetters.close()
  })

  const pump = (
    answer: (event: Event) => InvocationResult | Promise<InvocationResult>,
    options: Partial<QueuePumpOptions> = {},
  ): void => {
    pumps.push(
      startQueuePump({
        queue,
        batchSize: 10,
        maxBatchingWindowSeconds: 0,
        maxConcurrency: 2,
        units,
        invoke: async event => {
          events.push(event)
          return answer(event)
        },
        log: text => log.push(text),
        ...options,
      }),
    )
  }
  const send = (body: string): string => queue.send({ body, attributes: {}, systemAttributes: {}, delaySeconds: 0 })
  const bodies = (): string[][] => events.map(({ Records }) => Records.map(({ body }) => body))
  const isEmpty = (): boolean => Object.values(queue.counts()).every(count => count === 0)

  test('counts a request for each 64 KB of a batch that is received, and one for its deletion', async () => {
    for (let index = 0; index < 3; index += 1) send('x'.repeat(30_000))
    pump(() => ok())
    await until('all is done', isEmpty)
    expect(bodies()).toHaveLength(1)
    expect(units.sqsRequests).toBe(3)
  })

  test('counts no deletion where all of a batch has failed', async () => {
    send('bad')
    pump(() => ({ outcome: 'error', errorType: 'Error', errorMessage: 'bad', durationMs: 1 }))
    await until('it is given up', () => deadLetters.counts().visible === 1)
    expect(units.sqsRequests).toBe(2)
  })

  test('hands records over in the shape of AWS, and deletes what succeeded', async () => {
    const messageId = queue.send({
      body: '{"a":1}',
      attributes: { kind: { DataType: 'String', StringValue: 'replay' } },
      systemAttributes: { AWSTraceHeader: 'Root=1' },
      delaySeconds: 0,
    })
    pump(() => ok())
    await until('the queue is empty', isEmpty)

    expect(events).toEqual([
      {
        Records: [
          {
            messageId,
            receiptHandle: expect.any(String),
            body: '{"a":1}',
            attributes: {
              ApproximateReceiveCount: '1',
              SentTimestamp: expect.stringMatching(/^\d{13}$/),
              SenderId: '000000000000',
              ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
              AWSTraceHeader: 'Root=1',
            },
            messageAttributes: {
              kind: { stringValue: 'replay', stringListValues: [], binaryListValues: [], dataType: 'String' },
            },
            md5OfBody: 'bb6cb5c68df4652941caf652a366f2d8',
            md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/),
            eventSource: 'aws:sqs',
            eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:Jobs',
            awsRegion: 'us-east-1',
          },
        ],
      },
    ])
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty object', {}],
    ['no failures', { batchItemFailures: [] }],
    ['null for the failures', { batchItemFailures: null }],
  ])('takes %s as success of the whole batch', async (_name, payload) => {
    send('a')
    send('b')
    pump(() => ok(payload))
    await until('the queue is empty', isEmpty)
    expect(bodies()).toEqual([['a', 'b']])
  })

  test('brings back only the records that the function names, one receive later', async () => {
    send('good')
    const bad = send('bad')
    pump(({ Records }) => ok({ batchItemFailures: Records.length > 1 ? [{ itemIdentifier: bad }] : [] }))
    await until('the queue is empty', isEmpty)
    expect(bodies()).toEqual([['good', 'bad'], ['bad']])
    expect(events[1]?.Records[0]?.attributes.ApproximateReceiveCount).toBe('2')
    expect(log).toEqual(['1 of 2 records of Jobs failed; they come again in 0.1 s'])
  })

  const failing: [string, InvocationResult][] = [
    ['an error', { outcome: 'error', errorType: 'Error', errorMessage: 'x', durationMs: 1 }],
    ['a time-out', { outcome: 'timeout', errorMessage: 'x', durationMs: 1 }],
    ['an empty identifier', ok({ batchItemFailures: [{ itemIdentifier: '' }] })],
    ['a null identifier', ok({ batchItemFailures: [{ itemIdentifier: null }] })],
    ['a wrong key', ok({ batchItemFailures: [{ id: 'x' }] })],
    ['an unknown identifier', ok({ batchItemFailures: [{ itemIdentifier: 'x' }] })],
    ['failures that are no list', ok({ batchItemFailures: 'all' })],
    ['text instead of an object', ok('done')],
  ]
  test.each(failing)('brings back the whole batch after %s', async (_name, answer) => {
    send('a')
    send('b')
    pump(() => (events.length === 1 ? answer : ok()))
    await until('the queue is empty', isEmpty)
    expect(bodies()[0]).toEqual(['a', 'b'])
    const again = events.slice(1).flatMap(({ Records }) => Records)
    expect(again.map(({ body }) => body).sort()).toEqual(['a', 'b'])
    expect(again.map(({ attributes }) => attributes.ApproximateReceiveCount)).toEqual(['2', '2'])
  })

  test('gives a record that keeps failing to the dead-letter queue', async () => {
    send('poison')
    pump(() => ({ outcome: 'error', durationMs: 1 }))
    await until('the record is a dead letter', () => deadLetters.counts().visible === 1)
    expect(events).toHaveLength(2)
  })

  test('fills a batch while its window is open, and no longer than it takes to fill it', async () => {
    pump(() => ok(), { batchSize: 3, maxBatchingWindowSeconds: 20 })
    for (const body of ['a', 'b', 'c', 'd']) {
      send(body)
      await new Promise(resolve => setTimeout(resolve, 30))
    }
    await until('a batch is full', () => events.length === 1)
    expect(bodies()).toEqual([['a', 'b', 'c']])
  })

  test('hands over what it has when the window ends', async () => {
    queue.close()
    queue = createMessageQueue({ name: 'Slow', visibilitySeconds: 30, faults })
    pump(() => ok(), { maxBatchingWindowSeconds: 1 })
    send('a')
    await new Promise(resolve => setTimeout(resolve, 200))
    expect(events).toEqual([])
    send('b')
    await until('the queue is empty', isEmpty)
    expect(bodies()).toEqual([['a', 'b']])
  })

  test('ends a batch before it is too large for one invocation', async () => {
    for (let n = 0; n < 8; n += 1) send('x'.repeat(1_000_000))
    pump(() => ok())
    await until('the queue is empty', isEmpty)
    expect(bodies().map(batch => batch.length)).toEqual([5, 3])
  })

  test('runs no more batches at the same time than it may', async () => {
    let running = 0
    let most = 0
    for (let n = 0; n < 6; n += 1) send(String(n))
    pump(
      async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise(resolve => setTimeout(resolve, 50))
        running -= 1
        return ok()
      },
      { batchSize: 1, maxConcurrency: 3 },
    )
    await until('the queue is empty', isEmpty)
    expect(most).toBe(3)
    expect(events).toHaveLength(6)
  })

  test('takes nothing more once it is stopped', async () => {
    pump(() => ok())
    send('before')
    await until('the queue is empty', isEmpty)
    await pumps[0]?.stop()
    send('after')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(bodies()).toEqual([['before']])
    expect(queue.counts().visible).toBe(1)
  })
})
