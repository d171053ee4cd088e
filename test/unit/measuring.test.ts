import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { measure } from '../../shared/platform/metrics.ts'
import { Problem } from '../../shared/platform/problems.ts'
import { authorizer } from '../../shared/transport/authorizer.ts'
import { queue } from '../../shared/transport/queue.ts'
import { schedule } from '../../shared/transport/schedule.ts'
import { webSocketRoute } from '../../shared/transport/websocket-lifecycle.ts'
import { lambdaContext } from '../support/lambda.ts'
import { sqsEventOf } from '../support/recording-queue.ts'
import { allWrittenMetrics, forgetWrittenMetrics, writtenValues } from '../support/written-metrics.ts'

beforeEach(forgetWrittenMetrics)

const frame = {
  requestContext: {
    requestId: 'r',
    routeKey: 'heartbeat',
    connectionId: 'c',
    connectedAt: 0,
    authorizer: { userId: 'u', kahaId: 'k', expiresAt: '1' },
  },
}
const route = (work: () => Promise<void>) => () => webSocketRoute(work)(frame, lambdaContext())
const handshake = (error: Error) => {
  const fail = async () => Promise.reject(error)
  const limits = { countRequest: async () => {}, countSync: async () => {}, countAuthFailure: async () => 0 }
  const audit = { record: async () => {} }
  const handler = authorizer({ tokens: { verify: fail }, tickets: { redeem: fail, issue: fail }, limits, audit })
  const requestContext = { requestId: 'r', identity: { sourceIp: '127.0.0.1' } }
  return handler({ queryStringParameters: { token: 't' }, requestContext } as never, lambdaContext())
}

describe('what an event measures', () => {
  test('is written when it ends, as one line with the dimensions of the stack', async () => {
    await route(async () => {
      measure('PushesSent')
      measure('PushesSent')
      measure('PushLatency', 12)
    })()
    expect(allWrittenMetrics()).toEqual([
      {
        _aws: {
          Timestamp: expect.any(Number),
          CloudWatchMetrics: [
            {
              Namespace: 'KahaChat',
              Dimensions: [['service', 'stage']],
              Metrics: [
                { Name: 'PushesSent', Unit: 'Count' },
                { Name: 'PushLatency', Unit: 'Milliseconds' },
              ],
            },
          ],
        },
        service: 'kaha-chat',
        stage: 'dev',
        PushesSent: [1, 1],
        PushLatency: 12,
      },
    ])
  })

  test('is written when it fails, too, by every kind of function', async () => {
    const work = async () => {
      measure('MessagesSent')
      throw new Error('broken')
    }
    await route(work)()
    await schedule('A job', z.object({}), work)({}, lambdaContext()).catch(() => {})
    await queue(z.object({}), work)(sqsEventOf([{}]), lambdaContext())
    expect(writtenValues('MessagesSent')).toEqual([1, 1, 1])
  })

  test('is written once, and none of it is lost, when many events run beside each other', async () => {
    const events = Array.from({ length: 200 }, (_, index) =>
      route(async () => {
        measure('PushLatency', index)
        await delay(index % 7)
        measure('PushLatency', 1_000 + index)
      }),
    )
    await Promise.all(events.map(event => event()))
    const expected = events.flatMap((_, index) => [index, 1_000 + index])
    expect(writtenValues('PushLatency').sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b))
  })

  test('costs no line where it is nothing', async () => {
    const before = allWrittenMetrics().length
    await route(async () => {})()
    expect(allWrittenMetrics()).toHaveLength(before)
  })
})

describe('a problem that a client is answered with', () => {
  test('is a failure when it is ours, a throttle when there was too much, and nothing otherwise', async () => {
    const failing = (code: ConstructorParameters<typeof Problem>[0]) =>
      route(async () => Promise.reject(new Problem(code, 'It is so.')))
    for (const code of ['store_unavailable', 'rate_limited', 'forbidden', 'validation_failed'] as const) {
      await failing(code)()
    }
    await route(async () => Promise.reject(new Error('broken')))()
    expect(writtenValues('Failures')).toEqual([1, 1])
    expect(writtenValues('Throttles')).toEqual([1])
  })

  test('counts for a handshake that could not be authorized, but not for one with a bad token', async () => {
    await expect(handshake(new Problem('unauthorized', 'The token is bad.'))).rejects.toThrow(/^Unauthorized$/)
    expect(writtenValues('Failures')).toEqual([])
    await expect(handshake(new Error('no keys'))).rejects.toThrow()
    expect(writtenValues('Failures')).toEqual([1])
    // This one `$connect` refuses, and counts.
    await handshake(new Problem('store_unavailable', 'There are no keys.'))
    expect(writtenValues('Failures')).toEqual([1])
  })
})
