import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { WebSocket } from 'ws'
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

const open = (...options: Parameters<typeof connect> extends [unknown, ...infer Rest] ? Rest : never) =>
  connect(fixtures.gateway, ...options)

/** The event that a function got for the handshake with that query parameter `tag`. */
const eventOf = (name: string, tag: string): Promise<Event> =>
  eventually(() =>
    fixtures.events(name).find(event => (event.queryStringParameters as Record<string, string>).tag === tag),
  )

const disconnectOf = (connectionId: unknown): Promise<Event> =>
  eventually(() => fixtures.events('Disconnect').find(event => event.requestContext.connectionId === connectionId))

const connectionIdOf = async (client: Client): Promise<unknown> => {
  client.send({ do: 'event' })
  const { requestContext }: Event = JSON.parse(await client.next())
  return requestContext.connectionId
}

describe('a handshake without a token', () => {
  test.each(['/', '/?other=1', '/?token='])('(%s) is 401, and the authorizer is not asked', async path => {
    const before = fixtures.events('Authorizer').length
    const socket = new WebSocket(`${fixtures.gateway.webSocketUrl}${path}`)
    const status = await new Promise(resolve => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode))
      socket.on('error', () => {})
    })
    socket.terminate()
    expect(status).toBe(401)
    expect(fixtures.events('Authorizer').length).toBe(before)
  })
})

describe('the authorizer', () => {
  test('gets the request as an event of type REQUEST', async () => {
    const { socket } = await open({ token: 'allow', tag: 'asked' }, { headers: { 'X-Mixed-Case': 'yes' } })
    socket.close()
    const event = await eventOf('Authorizer', 'asked')
    expect(event).toMatchObject({
      type: 'REQUEST',
      methodArn: 'arn:aws:execute-api:us-east-1:000000000000:local/local/$connect',
      headers: { 'X-Mixed-Case': 'yes', Host: new URL(fixtures.gateway.webSocketUrl).host },
      multiValueHeaders: { 'X-Mixed-Case': ['yes'] },
      queryStringParameters: { token: 'allow', tag: 'asked' },
      multiValueQueryStringParameters: { token: ['allow'], tag: ['asked'] },
      stageVariables: {},
      requestContext: { routeKey: '$connect', eventType: 'CONNECT', connectionId: expect.stringMatching(/=$/) },
    })
    expect(event).not.toHaveProperty('body')
  })

  test.each([
    ['deny', 403],
    ['elsewhere', 403],
    ['unauthorized', 401],
    ['broken', 500],
    ['simple', 500],
    ['nested', 500],
    ['large', 500],
  ])('that says "%s" ends the handshake with %i, without $connect', async (token, statusCode) => {
    await expect(open({ token, tag: `refused by ${token}` })).rejects.toMatchObject({ statusCode })
    const { socket } = await open({ tag: `after ${token}` })
    socket.close()
    await eventOf('Connect', `after ${token}`)
    expect(JSON.stringify(fixtures.events('Connect'))).not.toContain(`refused by ${token}`)
  })

  test('hands its context to every event of the connection, as strings', async () => {
    const client = await open({ token: 'context', tag: 'context' })
    const authorizer = {
      principalId: 'user-1',
      integrationLatency: expect.any(Number),
      name: 'Asha',
      expires: '1234567890',
      admin: 'true',
    }
    const { requestContext } = await eventOf('Connect', 'context')
    expect(requestContext.authorizer).toEqual(authorizer)
    client.send({ do: 'event' })
    expect(JSON.parse(await client.next()).requestContext.authorizer).toEqual(authorizer)
    client.socket.close()
    const disconnected = await disconnectOf(requestContext.connectionId)
    expect(disconnected.requestContext.authorizer).toEqual(authorizer)
  })
})

describe('$connect', () => {
  test('gets the request with its headers in their own case, and nothing of a message', async () => {
    const { socket } = await open(
      { token: 'allow', tag: 'a b' },
      { headers: { 'User-Agent': 'test/1.0', Origin: 'https://kaha.example', 'X-MIXED-case': 'yes' } },
    )
    socket.close()
    const { host, port } = new URL(fixtures.gateway.webSocketUrl)
    const headers = {
      Host: host,
      Origin: 'https://kaha.example',
      'Sec-WebSocket-Extensions': expect.stringContaining('permessage-deflate'),
      'Sec-WebSocket-Key': expect.any(String),
      'Sec-WebSocket-Version': '13',
      'User-Agent': 'test/1.0',
      'X-Amzn-Trace-Id': expect.stringMatching(/^Root=1-/),
      'X-Forwarded-For': '127.0.0.1',
      'X-Forwarded-Port': port,
      'X-Forwarded-Proto': 'http',
      'X-MIXED-case': 'yes',
    }
    const event = await eventOf('Connect', 'a b')
    expect(event).toEqual({
      headers,
      multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
      queryStringParameters: { token: 'allow', tag: 'a b' },
      multiValueQueryStringParameters: { token: ['allow'], tag: ['a b'] },
      requestContext: {
        routeKey: '$connect',
        authorizer: { principalId: 'user-1', integrationLatency: expect.any(Number) },
        eventType: 'CONNECT',
        extendedRequestId: event.requestContext.requestId,
        requestTime: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        messageDirection: 'IN',
        stage: 'local',
        connectedAt: expect.any(Number),
        requestTimeEpoch: expect.any(Number),
        identity: { sourceIp: '127.0.0.1', userAgent: 'test/1.0' },
        requestId: expect.any(String),
        domainName: host,
        connectionId: expect.stringMatching(/^[\w-]{15}=$/),
        apiId: 'local',
      },
      isBase64Encoded: false,
    })
  })

  test('holds the handshake until it has returned', async () => {
    let isOpen = false
    const held = open({ connect: 'hold', tag: 'held' }).then(client => {
      isOpen = true
      return client
    })
    await eventOf('Connect', 'held')
    await delay(150)
    expect(isOpen).toBe(false)
    const other = await open({ connect: 'release' })
    const client = await held
    client.socket.close()
    other.socket.close()
  })

  test.each([400, 401, 403, 409, 429, 503])('refuses the handshake with its own status, %i', async statusCode => {
    await expect(open({ connect: 'refuse', status: String(statusCode) })).rejects.toMatchObject({ statusCode })
  })

  test.each(['throw', 'nothing', 'late', 'no status'])('that fails (%s) makes it a 502', async outcome => {
    await expect(open({ connect: outcome })).rejects.toMatchObject({ statusCode: 502 })
  })

  test('of a refused handshake is not followed by $disconnect', async () => {
    await expect(open({ connect: 'refuse', status: '403', tag: 'refused' })).rejects.toMatchObject({ statusCode: 403 })
    const { requestContext } = await eventOf('Connect', 'refused')
    await delay(100)
    expect(JSON.stringify(fixtures.events('Disconnect'))).not.toContain(String(requestContext.connectionId))
  })

  test('can not post to its own connection: 410', async () => {
    const client = await open({ connect: 'post' })
    await eventually(() => fixtures.lines.some(line => line.text === 'post inside $connect: 410'))
    expect(client.frames).toEqual([])
    client.socket.close()
  })

  test('is followed by $disconnect when the client did not wait for it', async () => {
    const socket = new WebSocket(`${fixtures.gateway.webSocketUrl}/?token=allow&connect=hold&tag=impatient`)
    socket.on('error', () => {})
    const { requestContext } = await eventOf('Connect', 'impatient')
    socket.terminate()
    await delay(50)
    const other = await open({ connect: 'release' })
    expect(await disconnectOf(requestContext.connectionId)).toMatchObject({
      requestContext: { disconnectStatusCode: 1006 },
    })
    other.socket.close()
  })
})

describe('the subprotocol', () => {
  const protocols = ['chat.v2', 'chat.v1']

  test('is the one that $connect returned', async () => {
    const { socket } = await open({ connect: 'protocol', choose: 'chat.v1', tag: 'protocol' }, { protocols })
    expect(socket.protocol).toBe('chat.v1')
    expect((await eventOf('Connect', 'protocol')).headers).toMatchObject({
      'Sec-WebSocket-Protocol': 'chat.v2,chat.v1',
    })
    socket.close()
  })

  test('is missing where $connect returned none, so that the client gives up', async () => {
    await expect(open({}, { protocols })).rejects.toThrow('Server sent no subprotocol')
  })
})

describe('a connection', () => {
  test('has an id of its own that stays the same', async () => {
    const [first, second] = [await open(), await open()]
    const id = await connectionIdOf(first)
    expect(await connectionIdOf(first)).toBe(id)
    expect(await connectionIdOf(second)).not.toBe(id)
    first.socket.close()
    second.socket.close()
  })

  test('is not compressed, whatever the client offers', async () => {
    const { socket } = await open()
    expect(socket.extensions).toBe('')
    socket.close()
  })

  test('is refused outside of the stage and with a URL of more than 4,096 characters', async () => {
    const statusOf = (path: string) =>
      new Promise(resolve => {
        const socket = new WebSocket(`${fixtures.gateway.webSocketUrl}${path}`)
        socket.on('unexpected-response', (_request, response) => {
          resolve(response.statusCode)
          response.destroy()
        })
        socket.on('error', () => {})
      })
    expect(await statusOf('/elsewhere?token=allow')).toBe(403)
    expect(await statusOf(`/?token=${'x'.repeat(4096)}`)).toBe(414)
  })

  test('needs an upgrade: a plain request is 403', async () => {
    expect(await request(fixtures.gateway.connectionsUrl)).toMatchObject({
      status: 403,
      text: '{"message":"Forbidden"}',
    })
  })
})
