import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Client, connect, type FixtureGateway, startFixtureGateway } from './fixture-gateway.ts'

let fixtures: FixtureGateway
let client: Client

beforeAll(async () => {
  fixtures = await startFixtureGateway()
})

afterAll(() => fixtures.stop())

beforeEach(async () => {
  client = await connect(fixtures.gateway)
})

afterEach(async () => {
  client.socket.close()
  await client.closed
})

const answerTo = (message: unknown): Promise<string> => {
  client.send(message)
  return client.next()
}

test('the event of a message has neither headers nor query, and every field of its context', async () => {
  const body = '{ "action": "send", "do": "event", "text": "नमस्ते" }'
  const event = JSON.parse(await answerTo(body))
  expect(event).toEqual({
    requestContext: {
      routeKey: 'send',
      authorizer: { principalId: 'user-1', integrationLatency: expect.any(Number) },
      messageId: expect.stringMatching(/=$/),
      eventType: 'MESSAGE',
      extendedRequestId: event.requestContext.requestId,
      requestTime: expect.stringMatching(/ \+0000$/),
      messageDirection: 'IN',
      stage: 'local',
      connectedAt: expect.any(Number),
      requestTimeEpoch: expect.any(Number),
      identity: { sourceIp: '127.0.0.1' },
      requestId: expect.stringMatching(/=$/),
      domainName: new URL(fixtures.gateway.webSocketUrl).host,
      connectionId: expect.stringMatching(/^[\w-]{15}=$/),
      apiId: 'local',
    },
    body,
    isBase64Encoded: false,
  })
})

describe('the route', () => {
  test.each([
    ['a key of the table', { action: 'send' }, 'send'],
    ['a number that is a key', { action: 7 }, '7'],
    ['no key of the table', { action: 'dance' }, '$default'],
    ['a key in other letters', { action: 'SEND' }, '$default'],
    ['nothing', {}, '$default'],
    ['an object', { action: { send: 1 } }, '$default'],
    ['null', { action: null }, '$default'],
    ['a route of the gateway itself', { action: '$connect' }, '$default'],
    ['another route of the gateway itself', { action: '$disconnect' }, '$default'],
  ])('of a message whose action is %s', async (_what, message, route) => {
    expect(await answerTo(message)).toBe(route)
  })

  test.each(['hello', '', '{"action":"send"', '"send"', '["send"]', 'null', '\u0000', '['.repeat(10_000)])(
    'of a message that is no JSON object (%#) is $default',
    async message => {
      expect(await answerTo(message)).toBe('$default')
    },
  )
})

describe('the answer of a two-way route', () => {
  test('is the body, also with another status', async () => {
    expect(await answerTo({ do: 'route' })).toBe('$default')
    expect(await answerTo({ do: 'refuse' })).toBe('conflict')
  })

  test.each(['no body', 'empty body'])('is nothing where there is %s', async action => {
    client.send({ do: action })
    expect(await answerTo({ do: 'route' })).toBe('$default')
    await delay(50)
    expect(client.frames).toEqual([])
  })
})

test('a one-way route drops the body', async () => {
  client.send({ action: 'tell', do: 'route' })
  expect(await answerTo({ action: 'send', do: 'route' })).toBe('send')
  await delay(50)
  expect(client.frames).toEqual([])
})

describe('a function that fails', () => {
  const frame = {
    message: 'Internal server error',
    connectionId: expect.stringMatching(/=$/),
    requestId: expect.stringMatching(/=$/),
  }

  test.each(['throw', 'nothing', 'number as body', 'unknown field', 'exit', 'late'])(
    '(%s) gives the frame of API Gateway, and the socket stays open',
    async action => {
      expect(JSON.parse(await answerTo({ do: action }))).toEqual(frame)
      expect(await answerTo({ do: 'route' })).toBe('$default')
    },
  )

  test('does so on a one-way route too', async () => {
    expect(JSON.parse(await answerTo({ action: 'tell', do: 'throw' }))).toEqual(frame)
  })
})

test('without a default route an unknown action gives the Forbidden frame, and the socket stays open', async () => {
  const other = await startFixtureGateway({
    topology: {
      httpRoutes: [],
      webSocketAuthorizer: 'Authorizer',
      webSocketRoutes: [{ key: 'send', function: 'Message', twoWay: true }],
    },
  })
  const guest = await connect(other.gateway)
  for (const message of ['no JSON', { action: 'dance' }]) {
    guest.send(message)
    expect(JSON.parse(await guest.next())).toEqual({
      message: 'Forbidden',
      connectionId: expect.stringMatching(/=$/),
      requestId: expect.stringMatching(/=$/),
    })
  }
  guest.send({ action: 'send' })
  expect(await guest.next()).toBe('send')
  await other.stop()
})

test('messages of one connection are worked on at the same time, and answers keep no order', async () => {
  client.send({ do: 'hold' })
  expect(await answerTo({ do: 'release' })).toBe('released')
  expect(await client.next()).toBe('held')
})

test('a ping of the protocol is answered', async () => {
  const pong = new Promise(resolve => client.socket.on('pong', data => resolve(data.toString())))
  client.socket.ping('still there?')
  expect(await pong).toBe('still there?')
})

test('messages are billed in steps of 32 KB, in both directions', async () => {
  const { webSocketMessagesIn, webSocketMessagesOut, bytesOut } = fixtures.gateway.units
  await answerTo({ do: 'route' })
  const half = 'x'.repeat(20_000)
  client.socket.send(`{"do":"length","text":"${half}`, { fin: false })
  client.socket.send(`${half}"}`, { fin: true })
  expect(Number(await client.next())).toBeGreaterThan(40_000)
  expect(fixtures.gateway.units.webSocketMessagesIn - webSocketMessagesIn).toBe(3)
  expect(fixtures.gateway.units.webSocketMessagesOut - webSocketMessagesOut).toBe(2)
  expect(fixtures.gateway.units.bytesOut - bytesOut).toBeGreaterThan(5)
})
