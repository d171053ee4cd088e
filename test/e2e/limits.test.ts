import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { hostStore } from '../../infra/local/hosted-store.ts'
import { repository } from '../../infra/local/local-directory.ts'
import { startRedis } from '../../infra/local/stores/redis.ts'
import { temporaryDirectory } from '../local/stores/temporary-directory.ts'
import { createRedisProxy, type RedisProxy } from '../support/faults-redis-proxy.ts'
import { announceStack, type StartedStack, startStack } from '../support/stack.ts'
import { newUser, type TestUser, tokenFor } from '../support/tokens.ts'
import { HandshakeRefused, openSocket, request, type ServerFrame } from '../support/wire-client.ts'
import { problemOf } from './problem-answer.ts'

const run = promisify(execFile)

/** `npm run test:floods` makes it 10,000. */
const handshakes = Number(process.env.FLOOD_HANDSHAKES ?? 1_000)
const atOnce = 50

const sends = 20
const requests = 100
const authFailures = 5

let redis: Awaited<ReturnType<typeof hostStore>>
let proxy: RedisProxy
let stack: StartedStack

// Of its own: the one of all other tests limits no rates, and its Redis can't be taken away.
beforeAll(async () => {
  const directory = await temporaryDirectory()
  const logFile = join(directory, 'redis.log')
  redis = await hostStore(
    port => startRedis({ directory: join(directory, 'redis'), port, logFile, log: () => {} }),
    () => {},
  )
  proxy = await createRedisProxy(redis.url)
  await proxy.start()
  stack = await startStack({
    REDIS_URL: proxy.url,
    RATE_LIMIT_SENDS: String(sends),
    RATE_LIMIT_REQUESTS: String(requests),
    RATE_LIMIT_AUTH_FAILURES: String(authFailures),
  })
  announceStack(stack)
}, 120_000)
afterAll(async () => {
  await stack?.stop()
  await proxy?.stop()
  await redis?.stop()
})

const openDirect = async ({ token }: TestUser, other: TestUser): Promise<string> =>
  (await request<{ id: string }>('POST /conversations/direct', { token, body: { targetUserId: other.id } })).body.id
const sendOverHttp = ({ token }: TestUser, id: string, content = 'One of many') =>
  request(`POST /conversations/${id}/messages`, { token, body: { content } })
const storedIn = async ({ token }: TestUser, id: string): Promise<number> =>
  (await request<{ items: unknown[] }>(`GET /conversations/${id}/messages?limit=100`, { token })).body.items.length

/** Two who talk while others flood: every message arrives. */
const expectServed = async (): Promise<void> => {
  const [carol, dave] = [await newUser(), await newUser()]
  const socket = await openSocket(dave.token)
  const id = await openDirect(carol, dave)
  const content = randomUUID()
  const sent = await sendOverHttp(carol, id, content)
  expect(sent.status).toBe(201)
  await socket.until(({ event, data }) => event === 'message.created' && JSON.stringify(data).includes(content))
  await socket.close()
}

const limited = { ...problemOf('rate_limited'), retryAfterSeconds: expect.any(Number) }

const expectRetryAfter = (seconds: unknown): void => {
  expect(seconds).toEqual(expect.any(Number))
  expect(Number(seconds)).toBeGreaterThanOrEqual(1)
  expect(Number(seconds)).toBeLessThanOrEqual(60)
}

describe('a flood', () => {
  test(`of ${handshakes} handshakes with bad tokens is refused, puts little on record, and holds up nobody`, async () => {
    const good = await tokenFor(randomUUID())
    const badToken = (index: number): string =>
      [`${good}${index}`, `${index}.${randomBytes(8).toString('hex')}.x`, randomBytes(32).toString('base64url')][
        index % 3
      ] ?? ''
    const statuses = new Map<number, number>()
    let next = 0
    const answerTo = (token: string): Promise<number> =>
      openSocket(token).then(
        () => 101,
        (error: HandshakeRefused) => error.status,
      )
    const knock = async (): Promise<void> => {
      while (next < handshakes) {
        next += 1
        const token = badToken(next)
        let status = await answerTo(token)
        // Where Redis is slow to say what it knows of a ticket, the handshake is put off.
        while (status === 503) status = await answerTo(token)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
    const knocking = Promise.all(Array.from({ length: atOnce }, knock))
    await expectServed()
    await knocking
    expect(Object.fromEntries(statuses)).toEqual({ 401: handshakes })
    await expectServed()

    const refused = await request('GET /conversations', { token: badToken(1) })
    expect(refused).toMatchObject({ status: 429, body: limited })
    expectRetryAfter(Number(refused.headers.get('retry-after')))

    const { stdout } = await run(
      process.execPath,
      [join(repository, 'infra/local/audit.ts'), '--address', '127.0.0.1'],
      {
        env: { PATH: process.env.PATH, LOCAL_DIR: stack.directory.path },
      },
    )
    const entries = stdout
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
    expect(entries.length).toBeGreaterThanOrEqual(authFailures)
    expect(entries.length).toBeLessThan(handshakes / 10)
    for (const entry of entries) expect(entry).toMatchObject({ action: 'token.refused', outcome: 'refused' })
  }, 600_000)

  // How many exactly is tested where Redis has time to answer: a function that waits for it in vain counts by itself.
  test('of messages stores as many as a user may send and refuses the rest, and others are served', async () => {
    const [alice, bob] = [await newUser(), await newUser()]
    const id = await openDirect(alice, bob)
    const socket = await openSocket(alice.token)
    const overHttp = Array.from({ length: 25 }, () => sendOverHttp(alice, id))
    const overSocket = Array.from({ length: 25 }, () =>
      socket.ask('message.send', { conversationId: id, content: 'One of many' }),
    )
    await expectServed()
    const answers = await Promise.all(overHttp)
    const frames = await Promise.all(overSocket)
    const refusedFrames = frames.filter(({ event }) => event === 'error')
    const refusedRequests = answers.filter(({ status }) => status !== 201)
    const accepted = 50 - refusedRequests.length - refusedFrames.length
    expect(accepted).toBeGreaterThanOrEqual(sends)
    expect(accepted).toBeLessThan(50)
    for (const { status, headers, body } of refusedRequests) {
      expect({ status, body }).toMatchObject({ status: 429, body: limited })
      expectRetryAfter(Number(headers.get('retry-after')))
    }
    for (const { error } of refusedFrames) {
      expect(error).toEqual(limited)
      expectRetryAfter(error?.retryAfterSeconds)
    }
    expect(await storedIn(bob, id)).toBe(accepted)
    expect((await sendOverHttp(bob, id)).status).toBe(201)
    await socket.close()
  }, 60_000)

  test('of frames is answered by errors, then by the end of the socket, and others keep theirs and are served', async () => {
    const [alice, bob] = [await newUser(), await newUser()]
    const [socket, other] = [await openSocket(alice.token), await openSocket(bob.token)]
    const served = expectServed()
    const answers: ServerFrame[] = []
    const nothing = () => undefined
    while (answers.length < 20 * requests) {
      const answer = await Promise.race([socket.ask('ping').catch(nothing), socket.closed.then(nothing)])
      if (!answer) break
      answers.push(answer)
    }
    expect(await socket.closed).toBe(1000)
    await served
    const refused = answers.filter(({ event }) => event === 'error')
    // The handshake was the first of them.
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(requests - 1)
    expect(refused.length).toBeGreaterThanOrEqual(requests)
    for (const { error } of refused) {
      expect(error).toEqual(limited)
      expectRetryAfter(error?.retryAfterSeconds)
    }
    await expect(openSocket(alice.token)).rejects.toEqual(new HandshakeRefused(429))
    expect((await request('GET /conversations', { token: alice.token })).status).toBe(429)
    expect(await other.ask('ping')).toMatchObject({ event: 'ack' })
    await other.close()
  }, 60_000)

  test('of heartbeats ends the socket, too, with an error that says why', async () => {
    const alice = await newUser()
    const socket = await openSocket(alice.token)
    for (let sent = 0; sent < 20 * requests && socket.isOpen; sent += 1) {
      socket.send({ action: 'heartbeat', data: {} })
      await delay(2)
    }
    expect(await socket.closed).toBe(1000)
    const { error } = await socket.until(({ event }) => event === 'error')
    expect(error).toEqual(limited)
    expectRetryAfter(error?.retryAfterSeconds)
  }, 60_000)
})

test('while Redis is gone each function limits by itself', async () => {
  const [alice, bob, carol] = [await newUser(), await newUser(), await newUser()]
  const id = await openDirect(alice, bob)
  await proxy.stop()
  try {
    const statuses: number[] = []
    for (let sent = 0; sent <= sends; sent += 1) statuses.push((await sendOverHttp(alice, id)).status)
    expect(statuses).toEqual([...Array(sends).fill(201), 429])
    const refused = await sendOverHttp(alice, id)
    expect(refused.body).toEqual(limited)
    expectRetryAfter(Number(refused.headers.get('retry-after')))
    expect((await sendOverHttp(bob, id)).status).toBe(201)
    expect((await request('GET /conversations', { token: carol.token })).status).toBe(200)
  } finally {
    await proxy.start()
  }
}, 60_000)
