import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  type Client,
  connect,
  eventually,
  type FixtureGateway,
  request,
  startFixtureGateway,
} from './fixture-gateway.ts'

let fixtures: FixtureGateway
let sdk: ApiGatewayManagementApiClient
let client: Client
let id: string

beforeAll(async () => {
  fixtures = await startFixtureGateway({ sendBufferBytes: 64 * 1024 })
  sdk = new ApiGatewayManagementApiClient({
    endpoint: fixtures.gateway.connectionsUrl,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  })
})

afterAll(async () => {
  sdk.destroy()
  await fixtures.stop()
})

beforeEach(async () => {
  client = await connect(fixtures.gateway, {}, { headers: { 'User-Agent': 'test/1.0' } })
  client.send({ do: 'event' })
  id = JSON.parse(await client.next()).requestContext.connectionId
})

afterEach(async () => {
  Object.assign(fixtures.gateway.faults, { throttledPosts: 0, swallowedPosts: 0, postLatencyMs: 0 })
  client.socket.terminate()
  await client.closed
})

const post = (data: string | Uint8Array, connectionId = id) =>
  sdk.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: data }))

const raw = (method: string, connectionId: string, headers: Record<string, string> = {}) =>
  request(`${fixtures.gateway.connectionsUrl}/@connections/${encodeURIComponent(connectionId)}`, { method, headers })

const signed = { authorization: 'AWS4-HMAC-SHA256 Credential=local' }
const unknownId = 'TWegAcC4EowCHnA='

describe('a post', () => {
  test('arrives as one text frame', async () => {
    const { $metadata } = await post(JSON.stringify({ event: 'hello', text: 'नमस्ते' }))
    expect($metadata.httpStatusCode).toBe(200)
    expect(await client.next()).toBe('{"event":"hello","text":"नमस्ते"}')
  })

  test('may hold up to 128 KB, and is billed for each 32 KB', async () => {
    const { webSocketMessagesOut, connectionsRequests } = fixtures.gateway.units
    await post('x'.repeat(128 * 1024))
    expect(await client.next()).toHaveLength(128 * 1024)
    expect(fixtures.gateway.units.webSocketMessagesOut - webSocketMessagesOut).toBe(4)
    expect(fixtures.gateway.units.connectionsRequests - connectionsRequests).toBe(1)
    await expect(post('x'.repeat(128 * 1024 + 1))).rejects.toMatchObject({
      name: 'PayloadTooLargeException',
      $metadata: { httpStatusCode: 413 },
    })
  })

  test('comes in the order in which one caller waits for the one before', async () => {
    for (let count = 0; count < 50; count += 1) await post(String(count))
    await eventually(() => client.frames.length === 50)
    expect(client.frames).toEqual(Array.from({ length: 50 }, (_, count) => String(count)))
  })

  test('to a connection that is closed or was never there is GoneException, with an empty body', async () => {
    client.socket.close()
    await client.closed
    await eventually(() => fixtures.gateway.connectionCount() === 0)
    for (const gone of [id, unknownId]) {
      await expect(post('x', gone)).rejects.toMatchObject({
        name: 'GoneException',
        $metadata: { httpStatusCode: 410 },
      })
      const answer = await raw('POST', gone, signed)
      expect(answer).toMatchObject({ status: 410, text: '' })
      expect(answer.headers['x-amzn-errortype']).toBe('GoneException')
    }
  })

  test.each(['nonsense', 'a b=', '../x='])(
    'to "%s", which is no connection id, is BadRequestException',
    async malformed => {
      await expect(post('x', malformed)).rejects.toMatchObject({
        name: 'BadRequestException',
        $metadata: { httpStatusCode: 400 },
      })
    },
  )

  test('that is not signed is 403', async () => {
    for (const headers of [{}, { authorization: 'Bearer abc' }]) {
      const answer = await raw('POST', id, headers)
      expect(answer.status).toBe(403)
      expect(answer.headers['x-amzn-errortype']).toBe('ForbiddenException')
    }
    expect(client.frames).toEqual([])
  })

  test('to a client that does not read is LimitExceededException once its buffer is full', async () => {
    client.socket.pause()
    const fill = async (): Promise<number> => {
      for (let count = 0; count < 1000; count += 1) await post('x'.repeat(128 * 1024))
      return 1000
    }
    await expect(fill()).rejects.toMatchObject({
      name: 'LimitExceededException',
      $metadata: { httpStatusCode: 429 },
    })
    client.socket.resume()
    await eventually(() => client.frames.length > 0)
  })
})

describe('a fault', () => {
  test('throttles posts', async () => {
    fixtures.gateway.faults.throttledPosts = 1
    await expect(post('x')).rejects.toMatchObject({
      name: 'LimitExceededException',
      $metadata: { httpStatusCode: 429 },
    })
    fixtures.gateway.faults.throttledPosts = 0
    await post('y')
    expect(await client.next()).toBe('y')
  })

  test('swallows frames of posts that were answered 200', async () => {
    fixtures.gateway.faults.swallowedPosts = 1
    expect((await post('lost')).$metadata.httpStatusCode).toBe(200)
    fixtures.gateway.faults.swallowedPosts = 0
    await post('found')
    expect(await client.next()).toBe('found')
  })

  test('makes posts take longer', async () => {
    fixtures.gateway.faults.postLatencyMs = 100
    const before = performance.now()
    await post('late')
    expect(performance.now() - before).toBeGreaterThan(90)
    expect(await client.next()).toBe('late')
  })
})

describe('asking for a connection', () => {
  test('tells since when it is there and who it is', async () => {
    const before = Date.now()
    await post('x')
    const { ConnectedAt, LastActiveAt, Identity } = await sdk.send(new GetConnectionCommand({ ConnectionId: id }))
    expect(Identity).toMatchObject({ SourceIp: '127.0.0.1', UserAgent: 'test/1.0' })
    expect(ConnectedAt?.getTime()).toBeLessThanOrEqual(before)
    expect(LastActiveAt?.getTime()).toBeGreaterThanOrEqual(before)
  })

  test('that is not there is GoneException', async () => {
    await expect(sdk.send(new GetConnectionCommand({ ConnectionId: unknownId }))).rejects.toMatchObject({
      name: 'GoneException',
    })
  })
})

describe('deleting a connection', () => {
  test('closes it with 1000, tells $disconnect, and it is gone at once', async () => {
    const { $metadata } = await sdk.send(new DeleteConnectionCommand({ ConnectionId: id }))
    expect($metadata.httpStatusCode).toBe(204)
    await expect(post('x')).rejects.toMatchObject({ name: 'GoneException' })
    expect(await client.closed).toEqual({ code: 1000, reason: 'Connection Closed Normally' })
    const event = await eventually(() =>
      fixtures.events('Disconnect').find(({ requestContext }) => requestContext.connectionId === id),
    )
    expect(event.requestContext).toMatchObject({
      disconnectStatusCode: 1000,
      disconnectReason: 'Connection Closed Normally',
    })
  })

  test('that is not there is GoneException', async () => {
    await expect(sdk.send(new DeleteConnectionCommand({ ConnectionId: unknownId }))).rejects.toMatchObject({
      name: 'GoneException',
      $metadata: { httpStatusCode: 410 },
    })
  })
})
