import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import * as z from 'zod'
import { maskIds, maskOf } from '../../shared/platform/id-mask.ts'
import { logger, withLogIds } from '../../shared/platform/logger.ts'
import { event } from '../../shared/transport/event.ts'
import { queue } from '../../shared/transport/queue.ts'
import { schedule } from '../../shared/transport/schedule.ts'
import { webSocketRoute } from '../../shared/transport/websocket-lifecycle.ts'
import { lambdaContext } from '../support/lambda.ts'
import { sqsEventOf } from '../support/recording-queue.ts'

let written = ''
/** Without those that carry metrics. */
const lines = () =>
  written
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
    .filter(line => 'message' in line)
beforeAll(() => logger.setLogLevel('INFO'))
afterAll(() => logger.setLogLevel('SILENT'))
beforeEach(() => {
  written = ''
  const write = (text: unknown) => {
    written += text
    return true
  }
  jest.spyOn(process.stdout, 'write').mockImplementation(write)
  jest.spyOn(process.stderr, 'write').mockImplementation(write)
})
afterEach(() => void jest.restoreAllMocks())

describe('a mask', () => {
  const key = 'k'.repeat(43)
  const id = 'a11ce000-0000-4000-8000-000000000001'
  const noon = new Date('2026-11-25T12:00:00Z')

  test('is the same for an id all day, and for no other id, day or key', () => {
    const mask = maskOf(key, id, noon)
    expect(mask).toMatch(/^~[\w-]{12}$/)
    expect(maskOf(key, id.toUpperCase(), new Date('2026-11-25T00:00:00Z'))).toBe(mask)
    expect(maskOf(key, randomUUID(), noon)).not.toBe(mask)
    expect(maskOf(key, id, new Date('2026-11-26T00:00:00Z'))).not.toBe(mask)
    expect(maskOf('K'.repeat(43), id, noon)).not.toBe(mask)
  })

  test('stands for each id in a text, wherever it is', () => {
    const mask = maskOf(key, id, noon)
    expect(maskIds(key, `user#${id},x${id.toUpperCase()}`, noon)).toBe(`user#${mask},x${mask}`)
    expect(maskIds(key, 'nothing-of-the-kind', noon)).toBe('nothing-of-the-kind')
  })
})

describe('a line of the log', () => {
  test('masks ids in whatever it is given, and shows those of requests and messages', () => {
    const [user, request, message] = [randomUUID(), randomUUID(), randomUUID()]
    const error = new Error(`No ${user}`, { cause: new Error(`Nor ${user}`) })
    logger.error(`About ${user}`, {
      error,
      list: [{ userId: user }],
      requestId: request,
      nested: { messageId: message },
    })
    expect(written).not.toContain(user)
    const [line] = lines()
    const [mask] = /~[\w-]{12}/.exec(line.message) ?? []
    expect(line).toMatchObject({
      level: 'ERROR',
      message: `About ${mask}`,
      list: [{ userId: mask }],
      requestId: request,
      nested: { messageId: message },
      error: { name: 'Error', message: `No ${mask}`, cause: { message: `Nor ${mask}` } },
    })
    expect(line.error.stack).toContain(`No ${mask}`)
  })

  test('takes from an error what it says, and nothing that a driver hangs on it', () => {
    const secrets = {
      detail: 'Failing row contains (x).',
      command: { args: ['x'] },
      payload: { sub: 'x' },
      $response: {},
    }
    logger.warn('Refused', Object.assign(new Error('no'), { code: '23505', ...secrets }))
    const [{ error }] = lines()
    expect(Object.keys(error).sort()).toEqual(['code', 'location', 'message', 'name', 'stack'])
    expect(error).toMatchObject({ name: 'Error', code: '23505', message: 'no' })
  })

  test('carries the ids of the work that it belongs to, of many that run at once', async () => {
    const work = (requestId: string) =>
      withLogIds({ requestId }, async () => {
        await delay(1)
        logger.info('outer')
        await withLogIds({ connectionId: `${requestId}=` }, async () => {
          await delay(1)
          logger.info('inner')
        })
      })
    await Promise.all(['a', 'b', 'c'].map(work))
    logger.info('outside')
    for (const requestId of ['a', 'b', 'c']) {
      expect(lines().filter(line => line.requestId === requestId)).toMatchObject([
        { message: 'outer' },
        { message: 'inner', connectionId: `${requestId}=` },
      ])
    }
    expect(lines().at(-1)).not.toHaveProperty('requestId')
  })
})

describe('the handlers', () => {
  test('of a socket write the ids of request, connection and user with each line', async () => {
    const [userId, requestId, connectionId] = [randomUUID(), randomUUID(), 'TWegAcC4EowCHnA=']
    const handler = webSocketRoute(async () => {
      logger.info('Within')
      throw new Error('Broken')
    })
    const authorizer = { userId, kahaId: 'K', expiresAt: String(Date.now() + 60_000) }
    const requestContext = { requestId, routeKey: 'heartbeat', connectionId, connectedAt: 0, authorizer }
    expect(await handler({ requestContext }, lambdaContext())).toEqual({ statusCode: 500 })
    const ids = { requestId, connectionId, routeKey: 'heartbeat', userId: expect.stringMatching(/^~/) }
    expect(lines()).toMatchObject([
      { message: 'Within', ...ids },
      { message: 'A frame failed', ...ids },
    ])
  })

  test('of a queue tell the jobs of a batch apart', async () => {
    const handler = queue(z.object({ n: z.number() }), async ({ n }) => {
      await delay(10 - n)
      logger.info(`Job ${n}`)
      if (n === 2) throw new Error('Broken')
    })
    const sqsEvent = sqsEventOf([{ n: 1 }, { n: 2 }])
    await handler(sqsEvent, lambdaContext())
    const [first, second] = sqsEvent.Records.map(({ messageId }) => messageId)
    expect(first).not.toBe(second)
    expect(lines().find(({ message }) => message === 'Job 1')).toMatchObject({ messageId: first })
    for (const message of ['Job 2', 'A job failed']) {
      expect(lines().find(line => line.message === message)).toMatchObject({ messageId: second })
    }
  })

  test('that fail leave to the runtime the kind of the error and what it says, masked, and the rest to the log', async () => {
    const user = randomUUID()
    const fail = async () => {
      throw Object.assign(new TypeError(`No ${user}`), { detail: user })
    }
    for (const handler of [schedule('A job', z.object({}), fail), event('An event', z.object({}), fail)]) {
      const thrown = await handler({}, lambdaContext()).catch((error: unknown) => error)
      expect(thrown).toMatchObject({ name: 'TypeError', message: expect.stringMatching(/^No ~[\w-]{12}$/) })
      expect(Object.keys(thrown as object)).toEqual(['name'])
      expect((thrown as Error).stack).not.toContain(user)
    }
    expect(lines()).toMatchObject([
      { message: 'A job failed', requestId: 'test' },
      { message: 'An event failed', requestId: 'test' },
    ])
    expect(written).not.toContain(user)
  })
})
