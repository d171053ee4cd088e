import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  type Client,
  connect,
  type Event,
  eventually,
  type FixtureGateway,
  request,
  startFixtureGateway,
} from './fixture-gateway.ts'

let fixtures: FixtureGateway

beforeAll(async () => {
  fixtures = await startFixtureGateway()
})

afterAll(() => fixtures.stop())

const connectionIdOf = async (client: Client): Promise<string> => {
  client.send({ do: 'event' })
  const { requestContext }: Event = JSON.parse(await client.next())
  return String(requestContext.connectionId)
}

const disconnectOf = (connectionId: string, { events }: FixtureGateway = fixtures): Promise<Event> =>
  eventually(() => events('Disconnect').find(event => event.requestContext.connectionId === connectionId))

describe('a client that sends too much', () => {
  const frame = 32 * 1024

  test('in one frame is closed with 1009, and the function does not hear of it', async () => {
    const client = await connect(fixtures.gateway)
    const id = await connectionIdOf(client)
    client.send('x'.repeat(frame + 1))
    expect(await client.closed).toMatchObject({ code: 1009 })
    expect(client.frames).toEqual([])
    expect((await disconnectOf(id)).requestContext.disconnectStatusCode).toBe(1009)
  })

  test('in one frame of several is closed with 1009', async () => {
    const client = await connect(fixtures.gateway)
    client.socket.send('x'.repeat(10), { fin: false })
    client.socket.send('x'.repeat(frame + 1), { fin: true })
    expect(await client.closed).toMatchObject({ code: 1009 })
  })

  test('in one message of small frames is closed with 1009', async () => {
    const client = await connect(fixtures.gateway)
    const id = await connectionIdOf(client)
    for (let count = 0; count < 4; count += 1) client.socket.send('x'.repeat(frame), { fin: false })
    client.socket.send('x', { fin: true })
    expect(await client.closed).toMatchObject({ code: 1009 })
    expect((await disconnectOf(id)).requestContext.disconnectStatusCode).toBe(1009)
  })

  test('is served as long as it keeps to the limits', async () => {
    const client = await connect(fixtures.gateway)
    client.send('x'.repeat(frame))
    expect(await client.next()).toBe('$default')
    for (let count = 0; count < 3; count += 1) client.socket.send('x'.repeat(frame), { fin: false })
    client.socket.send('x'.repeat(frame), { fin: true })
    expect(await client.next()).toBe('$default')
    client.socket.close()
  })
})

test('the time of a connection is billed, while it is open and after', async () => {
  const before = fixtures.gateway.units.connectionMs
  const client = await connect(fixtures.gateway)
  await delay(100)
  const open = fixtures.gateway.units.connectionMs - before
  expect(open).toBeGreaterThanOrEqual(90)
  client.socket.close()
  await client.closed
  await eventually(() => fixtures.gateway.units.connectionMs - before >= open)
})

test('a binary message closes the socket with 1003', async () => {
  const client = await connect(fixtures.gateway)
  client.socket.send(Buffer.from([1, 2, 3]))
  expect(await client.closed).toMatchObject({ code: 1003 })
  expect(client.frames).toEqual([])
})

test('text that is not UTF-8 closes the socket with 1007', async () => {
  const client = await connect(fixtures.gateway)
  client.socket.send(Buffer.from([0xc3, 0x28]), { binary: false })
  expect(await client.closed).toMatchObject({ code: 1007 })
})

describe('time', () => {
  let short: FixtureGateway

  beforeAll(async () => {
    short = await startFixtureGateway({ idleTimeoutMs: 600, maxConnectionMs: 2500 })
  })

  afterAll(() => short.stop())

  test('closes a socket without messages with 1001', async () => {
    const client = await connect(short.gateway)
    const id = await connectionIdOf(client)
    expect(await client.closed).toEqual({ code: 1001, reason: 'Going away' })
    expect((await disconnectOf(id, short)).requestContext).toMatchObject({
      disconnectStatusCode: 1001,
      disconnectReason: 'Going away',
    })
  })

  test('does not close one that gets messages, but pings are none', async () => {
    const client = await connect(short.gateway)
    const id = await connectionIdOf(client)
    for (let count = 0; count < 8; count += 1) {
      await delay(150)
      const { status } = await request(`${short.gateway.connectionsUrl}/@connections/${encodeURIComponent(id)}`, {
        method: 'POST',
        headers: { authorization: 'AWS4-HMAC-SHA256 Credential=local' },
        body: 'still there?',
      })
      expect(status).toBe(200)
    }
    const pings = setInterval(() => client.socket.ping(), 100)
    expect(await client.closed).toMatchObject({ code: 1001 })
    clearInterval(pings)
  })

  test('closes even a busy socket once it is too old', async () => {
    const client = await connect(short.gateway)
    const chatter = setInterval(() => client.send({ do: 'route' }), 100)
    const startedAt = Date.now()
    expect(await client.closed).toEqual({ code: 1001, reason: 'Going away' })
    clearInterval(chatter)
    expect(Date.now() - startedAt).toBeGreaterThan(2000)
  })
})

describe('$disconnect', () => {
  test('comes after the close, with hardly any headers and with code and reason', async () => {
    const client = await connect(fixtures.gateway, {}, { headers: { 'User-Agent': 'test/1.0' } })
    const id = await connectionIdOf(client)
    client.socket.close(4001, 'user logged out')
    const event = await disconnectOf(id)
    const host = new URL(fixtures.gateway.webSocketUrl).host
    expect(event).toEqual({
      headers: { Host: host, 'x-api-key': '', 'X-Forwarded-For': '', 'x-restapi': '' },
      multiValueHeaders: { Host: [host], 'x-api-key': [''], 'X-Forwarded-For': [''], 'x-restapi': [''] },
      requestContext: {
        routeKey: '$disconnect',
        authorizer: { principalId: 'user-1', integrationLatency: expect.any(Number) },
        eventType: 'DISCONNECT',
        extendedRequestId: event.requestContext.requestId,
        requestTime: expect.stringMatching(/ \+0000$/),
        messageDirection: 'IN',
        disconnectStatusCode: 4001,
        disconnectReason: 'user logged out',
        stage: 'local',
        connectedAt: expect.any(Number),
        requestTimeEpoch: expect.any(Number),
        identity: { sourceIp: '127.0.0.1', userAgent: 'test/1.0' },
        requestId: expect.any(String),
        domainName: host,
        connectionId: id,
        apiId: 'local',
      },
      isBase64Encoded: false,
    })
  })

  test.each([
    ['closes with 1000', (client: Client) => client.socket.close(1000), 1000, 'Connection Closed Normally'],
    ['names no code', (client: Client) => client.socket.close(), 1005, 'Client-side close frame status not set'],
    ['goes away', (client: Client) => client.socket.close(1001), 1001, 'Going away'],
    ['breaks off', (client: Client) => client.socket.terminate(), 1006, ''],
  ])('tells when a client %s', async (_what, end, disconnectStatusCode, disconnectReason) => {
    const client = await connect(fixtures.gateway)
    const id = await connectionIdOf(client)
    end(client)
    expect((await disconnectOf(id)).requestContext).toMatchObject({ disconnectStatusCode, disconnectReason })
  })

  test('is called once, and its failing changes nothing', async () => {
    const client = await connect(fixtures.gateway)
    const id = await connectionIdOf(client)
    client.socket.close()
    await disconnectOf(id)
    await delay(100)
    const all = fixtures.events('Disconnect').filter(event => event.requestContext.connectionId === id)
    expect(all).toHaveLength(1)
    expect(fixtures.gateway.connectionCount()).toBe(0)
  })

  test('can be lost', async () => {
    const lost = await connect(fixtures.gateway)
    const lostId = await connectionIdOf(lost)
    fixtures.gateway.faults.lostDisconnects = true
    lost.socket.close()
    await eventually(() => fixtures.gateway.connectionCount() === 0)
    fixtures.gateway.faults.lostDisconnects = false
    const told = await connect(fixtures.gateway)
    const toldId = await connectionIdOf(told)
    told.socket.close()
    await disconnectOf(toldId)
    expect(fixtures.events('Disconnect').map(event => event.requestContext.connectionId)).not.toContain(lostId)
  })
})
