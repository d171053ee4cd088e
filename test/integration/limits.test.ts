import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { createHandler as authorizerHandler } from '../../functions/websocket/authorizer.ts'
import { createTickets } from '../../shared/auth/tickets.ts'
import { createTokenVerifier } from '../../shared/auth/tokens.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { createLimiter, mostKeysInMemory } from '../../shared/limits/limiter.ts'
import { createLimits, limitSettings } from '../../shared/limits/limits.ts'
import type { MessagePage } from '../../shared/messages/messages.schema.ts'
import { openRedis } from '../../shared/redis/connection.ts'
import { inOneRoundTrip } from '../../shared/redis/round-trip.ts'
import { redisWritesDuring } from '../support/costs.ts'
import { lambdaContext } from '../support/lambda.ts'
import { testSecret, tokenFor } from '../support/tokens.ts'
import { type HttpOptions, openWorld, type Socket, type World } from '../support/world.ts'
import { forgetWrittenMetrics, writtenValues } from '../support/written-metrics.ts'

/** Small ones, so that they are soon reached. */
const few = { sends: 5, requests: 20, authFailures: 3 }

let world: World
let generous: World
beforeAll(async () => {
  world = await openWorld({}, { limits: few })
  generous = await openWorld()
})
afterAll(async () => {
  await world.close()
  await generous.close()
})

const openDirect = async (userId: string, targetUserId: string, inWorld = world): Promise<string> =>
  (await inWorld.http<Conversation>(userId, 'POST /conversations/direct', { body: { targetUserId } })).body.id
const sendOverHttp = (userId: string, id: string) =>
  world.http(userId, `POST /conversations/${id}/messages`, { body: { content: 'Once more' } })
const sendOverSocket = (socket: Socket, conversationId: string) =>
  socket.send({ action: 'message.send', requestId: 's', data: { conversationId, content: 'Once more' } })
const storedIn = async (userId: string, id: string, inWorld = generous) =>
  (await inWorld.http<MessagePage>(userId, `GET /conversations/${id}/messages`)).body.items.length

const lastFrameOf = ({ connectionId }: Socket) =>
  world.push.frames.filter(frame => frame.connectionId === connectionId).at(-1)

/** As a client is told, and as Redis has it. */
const expectWait = async (given: unknown, key: string) => {
  const left = (await world.redis.pttl(key)) / 1_000
  expect(left).toBeGreaterThan(0)
  expect(Number.isInteger(given)).toBe(true)
  expect(given).toBeGreaterThanOrEqual(Math.ceil(left))
  expect(given).toBeLessThanOrEqual(60)
}

describe('a user who sends too much', () => {
  test('is refused over HTTP and the socket, told when to go on, and nothing of it is stored', async () => {
    const [alice, bob] = [world.newUser(), world.newUser()]
    const id = await openDirect(alice, bob)
    const socket = await world.connect(alice)
    for (const send of [sendOverHttp, sendOverHttp, sendOverHttp]) expect((await send(alice, id)).status).toBe(201)
    for (let sent = 3; sent < few.sends; sent += 1) {
      expect(await sendOverSocket(socket, id)).toMatchObject({ event: 'ack' })
    }
    const overHttp = await sendOverHttp(alice, id)
    expect(overHttp).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    await expectWait(Number(overHttp.headers['retry-after']), `limit-sends:{${alice}}`)
    expect(overHttp.body.retryAfterSeconds).toBe(Number(overHttp.headers['retry-after']))
    const overSocket = await sendOverSocket(socket, id)
    expect(overSocket).toMatchObject({ event: 'error', requestId: 's', error: { code: 'rate_limited', status: 429 } })
    await expectWait((overSocket.error as { retryAfterSeconds?: number }).retryAfterSeconds, `limit-sends:{${alice}}`)
    expect(await storedIn(alice, id)).toBe(few.sends)
    // The rest goes on, and so do others.
    expect((await world.http(alice, 'GET /conversations')).status).toBe(200)
    expect(await socket.send({ action: 'ping', requestId: 'p' })).toMatchObject({ event: 'ack' })
    expect((await sendOverHttp(bob, id)).status).toBe(201)
  })

  test('is not helped by the first messages of business chats, which count', async () => {
    const customer = world.newUser()
    const statuses: number[] = []
    for (let opened = 0; opened <= few.sends; opened += 1) {
      const body = { businessId: randomUUID(), initialMessage: { content: 'Hello?' } }
      statuses.push((await world.http(customer, 'POST /conversations/business', { body })).status)
    }
    expect(statuses).toEqual([...Array(few.sends).fill(201), 429])
  })
})

describe('a user who asks too much', () => {
  const exhaust = async (userId: string) => {
    for (let asked = 0; asked < few.requests; asked += 1) await world.http(userId, 'GET /notifications/unread-counts')
  }

  test('is refused whatever they ask for, and others are served', async () => {
    const [alice, bob] = [world.newUser(), world.newUser()]
    const socket = await world.connect(alice)
    await exhaust(alice)
    for (const request of ['GET /conversations', 'GET /nothing-there', 'POST /conversations/direct']) {
      const { status, headers, body } = await world.http(alice, request)
      if (request === 'GET /nothing-there') {
        // Nobody is asked for a token there.
        expect(status).toBe(404)
        continue
      }
      expect({ status, code: body.code }).toEqual({ status: 429, code: 'rate_limited' })
      await expectWait(Number(headers['retry-after']), `limit-requests:{${alice}}`)
    }
    for (const frame of [{ action: 'ping', requestId: '1' }, { action: 'nothing' }, 'not JSON']) {
      expect(await socket.send(frame)).toMatchObject({ event: 'error', error: { code: 'rate_limited' } })
    }
    await expect(world.connect(alice)).rejects.toThrow('$connect answered 429')
    expect((await world.http(bob, 'GET /conversations')).status).toBe(200)
    await world.connect(bob)
  })

  test('is counted by frames that make no sense, too', async () => {
    const socket = await world.connect(world.newUser())
    const answers = []
    for (let sent = 0; sent < few.requests; sent += 1) answers.push((await socket.send('{')).error?.code)
    // The handshake was one.
    expect(answers).toEqual([...Array(few.requests - 1).fill('invalid_json'), 'rate_limited'])
  })

  test('keeps their socket for as many frames again, then is told why and disconnected', async () => {
    const [alice, bob] = [world.newUser(), world.newUser()]
    const [socket, other] = [await world.connect(alice), await world.connect(bob)]
    const answers = []
    for (let sent = 1; sent < 2 * few.requests; sent += 1) {
      answers.push(await socket.send({ action: 'ping', requestId: 'p' }))
    }
    expect(answers.map(({ event }) => event)).toEqual([
      ...Array(few.requests - 1).fill('ack'),
      ...Array(few.requests).fill('error'),
    ])
    expect(world.push.closed).not.toContain(socket.connectionId)
    await socket.send({ action: 'ping', requestId: 'last' })
    const told = lastFrameOf(socket)
    expect(told).toMatchObject({ event: 'error', requestId: 'last', error: { code: 'rate_limited', status: 429 } })
    await expectWait(told?.error?.retryAfterSeconds, `limit-requests:{${alice}}`)
    expect(world.push.closed).toContain(socket.connectionId)
    expect(await other.send({ action: 'ping', requestId: 'p' })).toMatchObject({ event: 'ack' })
    expect(world.push.closed).not.toContain(other.connectionId)
  })

  test('is disconnected by heartbeats, too, which are never answered', async () => {
    const socket = await world.connect(world.newUser())
    for (let sent = 1; sent <= 2 * few.requests; sent += 1) {
      await socket.send({ action: 'heartbeat', data: {} })
      await world.drain()
      const isLast = sent === 2 * few.requests
      expect(world.push.closed.includes(socket.connectionId)).toBe(isLast)
    }
    expect(lastFrameOf(socket)).toMatchObject({
      event: 'error',
      error: { code: 'rate_limited', retryAfterSeconds: expect.any(Number) },
    })
  })

  test('is counted as a throttle', async () => {
    const alice = world.newUser()
    await exhaust(alice)
    forgetWrittenMetrics()
    await world.http(alice, 'GET /conversations')
    await world.http(alice, 'GET /conversations')
    expect(writtenValues('Throttles')).toEqual([1, 1])
  })
})

describe('an address from which tokens are refused', () => {
  const from = (address: string, token: string): HttpOptions => ({ token, address })

  test('is told to wait after some; its valid tokens are taken all the same, and expired ones are told that they are', async () => {
    const [user, address] = [world.newUser(), '203.0.113.7']
    const before = world.audits.length
    const statuses = []
    for (let tried = 0; tried < few.authFailures + 2; tried += 1) {
      const { status, headers } = await world.http(user, 'GET /conversations', from(address, 'a.bad.token'))
      statuses.push(status)
      if (status === 429) await expectWait(Number(headers['retry-after']), `limit-auth-failures:{${address}}`)
    }
    expect(statuses).toEqual([...Array(few.authFailures).fill(401), 429, 429])
    expect(await world.http(user, 'GET /conversations', { address })).toMatchObject({ status: 200 })
    expect((await world.http(user, 'GET /conversations', from('203.0.113.8', 'a.bad.token'))).status).toBe(401)
    const expired = await world.http(user, 'GET /conversations', from(address, await tokenFor(user, {}, -60)))
    expect(expired).toMatchObject({ status: 401, body: { code: 'token_expired' } })

    const entries = world.audits.slice(before).filter(entry => entry.address === address)
    expect(entries).toHaveLength(few.authFailures)
    expect(entries[0]).toEqual({
      action: 'token.refused',
      outcome: 'refused',
      reason: 'unauthorized',
      address,
      route: 'GET /conversations',
      requestId: expect.any(String),
    })
    expect(JSON.stringify(entries)).not.toContain('a.bad.token')
  })

  test('is not blamed for requests without a token', async () => {
    const statuses = []
    for (let tried = 0; tried < few.authFailures + 2; tried += 1) {
      const options = { address: '203.0.113.9', headers: { authorization: '' } }
      statuses.push((await world.http(world.newUser(), 'GET /conversations', options)).status)
    }
    expect(new Set(statuses)).toEqual(new Set([401]))
  })

  test('is the same for the tokens of services', async () => {
    const body = { type: 'user.profile.updated', uuid: randomUUID() }
    const statuses = []
    for (let tried = 0; tried <= few.authFailures; tried += 1) {
      const options = { ...from('203.0.113.10', 'guess'), body }
      statuses.push((await world.http('', 'POST /internal/profile-events', options)).status)
    }
    expect(statuses).toEqual([...Array(few.authFailures).fill(401), 429])
  })
})

describe('an address from which handshakes are refused', () => {
  test('gets the same 401 each time, of which a few go on record and the rest count as throttles', async () => {
    const address = '203.0.113.11'
    const handler = authorizerHandler({
      ...world.deps,
      tickets: createTickets(world.redis, world.clock),
      tokens: createTokenVerifier({ JWT_SECRET: testSecret }, world.clock),
    })
    const handshake = (token: string) =>
      handler(
        {
          methodArn: 'arn:connect',
          queryStringParameters: { token },
          requestContext: { requestId: 'r', identity: { sourceIp: address } },
        } as unknown as APIGatewayRequestAuthorizerEvent,
        lambdaContext(),
      )
    forgetWrittenMetrics()
    for (let tried = 0; tried < few.authFailures + 2; tried += 1) {
      await expect(handshake('a.bad.token')).rejects.toThrow(/^Unauthorized$/)
    }
    const entries = world.audits.filter(entry => entry.address === address)
    expect(entries).toHaveLength(few.authFailures)
    expect(entries[0]).toMatchObject({ action: 'token.refused', route: '$connect' })
    expect(writtenValues('Throttles')).toEqual([1, 1])
    const user = world.newUser()
    expect((await handshake(await tokenFor(user))).context).toMatchObject({ userId: user })
  })
})

describe('a limit of 0', () => {
  test('is none, and costs nothing', async () => {
    const limits = createLimits(world.redis, { sends: 0, requests: 0, authFailures: 0 })
    const writes = await redisWritesDuring(world.redis, async () => {
      for (let asked = 0; asked < 50; asked += 1) await limits.countRequest('u', { isSend: true })
      for (let failed = 0; failed < 50; failed += 1) expect(await limits.countAuthFailure('a')).toBe(0)
    })
    expect(writes).toEqual([])
  })

  test('leaves the other one as it is', async () => {
    const limits = createLimits(world.redis, { ...few, requests: 0 })
    const user = world.newUser()
    for (let sent = 0; sent < few.sends; sent += 1) await limits.countRequest(user, { isSend: true })
    const refusal = await limits.countRequest(user, { isSend: true }).catch(error => error)
    expect(refusal).toMatchObject({ code: 'rate_limited', options: { endsSocket: false } })
    await limits.countRequest(user)
  })
})

describe('what limits cost', () => {
  let alice: string
  let bob: string
  let id: string
  beforeEach(async () => {
    ;[alice, bob] = [generous.newUser(), generous.newUser()]
    id = await openDirect(alice, bob, generous)
  })

  // The same over the socket, and the statement: `messages.test.ts`.
  test('a message over HTTP takes two Redis round trips, one of them for both limits', async () => {
    await generous.connect(bob)
    await generous.drain()
    const writes = await redisWritesDuring(generous.redis, async () => {
      await generous.http(alice, `POST /conversations/${id}/messages`, { body: { content: 'x' } })
    })
    expect(writes).toHaveLength(2)
  })

  test('a heartbeat and a ping take one round trip, as they would without', async () => {
    const socket = await generous.connect(alice)
    for (const frame of [
      { action: 'heartbeat', data: {} },
      { action: 'ping', requestId: 'p' },
    ]) {
      expect(await redisWritesDuring(generous.redis, () => socket.send(frame))).toHaveLength(1)
    }
  })
})

test('what comes too late for a round trip is refused, instead of waiting for ever', async () => {
  const replies = await inOneRoundTrip(world.redis, async trip => {
    const first = await trip.add(pipeline => pipeline.get('limit-test:{u}'))
    const second = await trip.add(pipeline => pipeline.get('limit-test:{u}')).catch((error: Error) => error.message)
    return [first, second]
  })
  expect(replies).toEqual([[null], expect.stringContaining('was made before')])
})

describe('while Redis does not answer', () => {
  /** It never connects. */
  const gone = openRedis({ REDIS_URL: 'redis://127.0.0.1:1' })
  gone.disconnect()

  test('each function counts by itself, and says the same', async () => {
    const limits = createLimits(gone, { ...limitSettings, sends: 3 })
    for (let sent = 0; sent < 3; sent += 1) await limits.countRequest('u', { isSend: true })
    const refusal = await limits.countRequest('u', { isSend: true }).catch(error => error)
    expect(refusal).toMatchObject({ code: 'rate_limited', status: 429 })
    expect(refusal.options.retryAfterSeconds).toBeGreaterThanOrEqual(59)
    expect(refusal.options.retryAfterSeconds).toBeLessThanOrEqual(60)
    await limits.countRequest('another', { isSend: true })
  })

  test('it remembers so many users and no more', async () => {
    const limiter = createLimiter(gone, { name: 'limit-test', points: 1 })
    const countAll = async (from: number, count: number) => {
      for (let index = from; index < from + count; index += 1) await limiter.count(`user-${index}`)
    }
    // It may keep up to twice as many before it forgets.
    await countAll(0, 1)
    expect((await limiter.count('user-0')).consumed).toBe(2)
    await countAll(1, 2 * mostKeysInMemory)
    expect((await limiter.count('user-0')).consumed).toBe(1)
    expect((await limiter.count(`user-${2 * mostKeysInMemory}`)).consumed).toBe(2)
  })
})
