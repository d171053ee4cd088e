import { Agent, request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Answer, type Event, type FixtureGateway, request, startFixtureGateway } from './fixture-gateway.ts'

let fixtures: FixtureGateway

beforeAll(async () => {
  fixtures = await startFixtureGateway()
})

afterAll(() => fixtures.stop())

const ask = (path: string, options?: Parameters<typeof request>[1]): Promise<Answer> =>
  request(`${fixtures.gateway.httpUrl}${path}`, options)

const askFor = (action: string, path = '/items'): Promise<Answer> => ask(path, { headers: { 'x-do': action } })

const eventOf = ({ text }: Answer): Event => JSON.parse(text)

const routeOf = async (path: string, method = 'GET'): Promise<unknown> => {
  const { routeKey, pathParameters } = eventOf(await ask(path, { method }))
  return pathParameters ? { routeKey, pathParameters } : routeKey
}

describe('the event of a request', () => {
  test('has every field of payload format 2.0', async () => {
    const answer = await ask('/items?tag=a&tag=b%20c&empty=', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json; charset=utf-8',
        'User-Agent': 'test/1.0',
        'X-Repeated': ['one', 'two'],
        Cookie: 'session=abc; theme=dark',
      },
      body: '{"text":"नमस्ते"}',
    })
    const host = new URL(fixtures.gateway.httpUrl).host
    const port = new URL(fixtures.gateway.httpUrl).port
    expect(eventOf(answer)).toEqual({
      version: '2.0',
      routeKey: 'POST /items',
      rawPath: '/items',
      rawQueryString: 'tag=a&tag=b%20c&empty=',
      cookies: ['session=abc', 'theme=dark'],
      headers: {
        host,
        'content-length': String(Buffer.byteLength('{"text":"नमस्ते"}')),
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'test/1.0',
        'x-amzn-trace-id': expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-port': port,
        'x-forwarded-proto': 'http',
        'x-repeated': 'one,two',
      },
      queryStringParameters: { tag: 'a,b c', empty: '' },
      requestContext: {
        accountId: '000000000000',
        apiId: 'local',
        domainName: host,
        domainPrefix: '127',
        http: {
          method: 'POST',
          path: '/items',
          protocol: 'HTTP/1.1',
          sourceIp: '127.0.0.1',
          userAgent: 'test/1.0',
        },
        requestId: answer.headers['apigw-requestid'],
        routeKey: 'POST /items',
        stage: '$default',
        time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        timeEpoch: expect.any(Number),
      },
      body: '{"text":"नमस्ते"}',
      isBase64Encoded: false,
    })
  })

  test('leaves out what the request does not have', async () => {
    const event = eventOf(await ask('/items'))
    for (const field of ['body', 'cookies', 'queryStringParameters', 'pathParameters', 'stageVariables']) {
      expect(event).not.toHaveProperty(field)
    }
    expect(event).toMatchObject({ rawQueryString: '', isBase64Encoded: false })
  })

  test.each(['text/plain', 'TEXT/CSV; charset=utf-8', 'application/json', 'application/xml', 'application/javascript'])(
    'has a body of type %s as it came',
    async type => {
      const event = eventOf(await ask('/items', { method: 'POST', headers: { 'content-type': type }, body: '{"a":1}' }))
      expect(event).toMatchObject({ body: '{"a":1}', isBase64Encoded: false })
    },
  )

  test.each([
    undefined,
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'application/problem+json',
    'image/png',
  ])('has a body of type %s in base64', async type => {
    const headers = type === undefined ? {} : { 'content-type': type }
    const event = eventOf(await ask('/items', { method: 'POST', headers, body: Buffer.from([0, 255, 128]) }))
    expect(event).toMatchObject({ body: 'AP+A', isBase64Encoded: true })
  })

  test('tells where a proxy says the request came from, and who passed it on', async () => {
    const event = eventOf(await ask('/items', { headers: { 'X-Forwarded-For': '203.0.113.9' } }))
    expect(event.headers).toMatchObject({ 'x-forwarded-for': '203.0.113.9, 127.0.0.1' })
    expect(event.requestContext.http).toMatchObject({ sourceIp: '127.0.0.1' })
  })
})

describe('a request goes', () => {
  test('to the route with its method and path', async () => {
    expect(await routeOf('/items')).toBe('GET /items')
    expect(await routeOf('/items', 'POST')).toBe('POST /items')
  })

  test('to a route with parameters, which are decoded', async () => {
    expect(await routeOf('/items/a%20b%C3%A9')).toEqual({
      routeKey: 'GET /items/{id}',
      pathParameters: { id: 'a bé' },
    })
    expect(await routeOf('/items/1/parts/2', 'DELETE')).toEqual({
      routeKey: 'DELETE /items/{id}/parts/{partId}',
      pathParameters: { id: '1', partId: '2' },
    })
  })

  test('to a literal path rather than to a parameter', async () => {
    expect(await routeOf('/items/newest')).toBe('GET /items/newest')
  })

  test.each([
    ['no such path', '/elsewhere', 'GET'],
    ['no such method', '/items', 'PUT'],
    ['an empty parameter', '/items/', 'GET'],
    ['HEAD', '/items', 'HEAD'],
    ['OPTIONS, without CORS', '/items', 'OPTIONS'],
    ['a slash inside of a parameter', '/items/a%2Fb', 'GET'],
    ['a path that can not be decoded', '/items/%zz/x', 'GET'],
  ])('to the default route otherwise: %s', async (_what, path, method) => {
    if (method === 'HEAD') {
      const answer = await ask(path, { method })
      expect(answer).toMatchObject({ status: 200, text: '' })
      expect(Number(answer.headers['content-length'])).toBeGreaterThan(100)
    } else expect(await routeOf(path, method)).toBe('$default')
  })

  test('by its decoded path, which is also what the event tells', async () => {
    const event = eventOf(await ask('/elsewhere/a%20b%3Fc'))
    expect(event).toMatchObject({ rawPath: '/elsewhere/a b', requestContext: { http: { path: '/elsewhere/a b' } } })
  })
})

describe('the response', () => {
  test('is what the function says', async () => {
    expect(await askFor('problem')).toMatchObject({
      status: 409,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '3', 'content-length': '19' },
      text: '{"code":"conflict"}',
    })
  })

  test('has an id of the gateway', async () => {
    const first = await ask('/items')
    const second = await ask('/items')
    expect(first.headers['apigw-requestid']).toMatch(/=$/)
    expect(second.headers['apigw-requestid']).not.toBe(first.headers['apigw-requestid'])
  })

  test('is inferred as JSON where the function returns no status', async () => {
    expect(await askFor('infer')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json' },
      text: '{"plain":true}',
    })
    expect(await askFor('infer text')).toMatchObject({ status: 200, text: 'only text' })
  })

  test('sets each cookie', async () => {
    const { headers } = await askFor('cookies')
    expect(headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2'])
    expect(headers['content-type']).toBe('text/plain;charset=UTF-8')
  })

  test('is decoded from base64', async () => {
    const { headers, body } = await askFor('binary')
    expect([...body]).toEqual([0, 255, 1, 254])
    expect(headers['content-type']).toBe('image/png')
  })

  test('may be empty', async () => {
    const { status, text, headers } = await askFor('nothing')
    expect({ status, text }).toEqual({ status: 204, text: '' })
    expect(headers).not.toHaveProperty('content-type')
  })

  test('keeps the connection for the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const localPort = (): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const outgoing = httpRequest(`${fixtures.gateway.httpUrl}/items`, { agent }, response => {
          const port = response.socket.localPort
          response.resume().on('end', () => setImmediate(resolve, port))
        })
        outgoing.on('error', reject).end()
      })
    const ports = [await localPort(), await localPort(), await localPort()]
    agent.destroy()
    expect(new Set(ports).size).toBe(1)
  })
})

describe('the gateway answers itself', () => {
  test.each([
    'throw',
    'text as status',
    'status out of range',
    'object as body',
    'list as header',
    'line break in header',
    'huge',
  ])('500 when a function fails: %s', async action => {
    expect(await askFor(action)).toMatchObject({
      status: 500,
      headers: { 'content-type': 'application/json', 'apigw-requestid': expect.any(String) },
      text: '{"message":"Internal Server Error"}',
    })
  })

  test('500 when a function runs out of its own time', async () => {
    expect(await askFor('late', '/slow')).toMatchObject({ status: 500, text: '{"message":"Internal Server Error"}' })
  })

  test('413 to a body over 10 MB, and to one that is too large for Lambda', async () => {
    const tooLarge = { status: 413, text: '{"message":"Request Entity Too Large"}' }
    const post = (size: number) =>
      ask('/items', {
        method: 'POST',
        headers: { 'content-type': 'text/plain', 'x-do': 'length' },
        body: Buffer.alloc(size, 'x'),
      })
    expect(await post(10 * 1024 * 1024 + 1)).toMatchObject(tooLarge)
    expect(await post(6_291_556)).toMatchObject(tooLarge)
    expect(await post(6_000_000)).toMatchObject({ status: 200, text: '6000000' })
  })

  test('431 to more than 10,240 bytes of headers', async () => {
    expect(await ask('/items', { headers: { 'x-long': 'x'.repeat(10_240) } })).toMatchObject({ status: 431 })
    expect(await ask('/items', { headers: { 'x-long': 'x'.repeat(9_900) } })).toMatchObject({ status: 200 })
  })
})

describe('a gateway', () => {
  test('without a default route answers 404 to what no route matches', async () => {
    const other = await startFixtureGateway({
      topology: {
        httpRoutes: [{ method: 'GET', path: '/items', function: 'Http' }],
        webSocketAuthorizer: 'Authorizer',
        webSocketRoutes: [],
      },
    })
    const notFound = { status: 404, text: '{"message":"Not Found"}' }
    expect(await request(`${other.gateway.httpUrl}/elsewhere`)).toMatchObject(notFound)
    expect(await request(`${other.gateway.httpUrl}/items`, { method: 'POST' })).toMatchObject(notFound)
    expect(await request(`${other.gateway.httpUrl}/items`)).toMatchObject({ status: 200 })
    await other.stop()
  })

  test('answers 503 when a function takes longer than the gateway waits', async () => {
    const other = await startFixtureGateway({ integrationTimeoutMs: 200 })
    expect(await request(`${other.gateway.httpUrl}/items`, { headers: { 'x-do': 'late' } })).toMatchObject({
      status: 503,
      text: '{"message":"Service Unavailable"}',
    })
    await other.stop()
  })

  test('refuses a route that it could not serve as AWS does', async () => {
    const topology = {
      httpRoutes: [{ method: 'GET', path: '/files/{path+}', function: 'Http' }],
      webSocketAuthorizer: 'Authorizer',
      webSocketRoutes: [],
    } as const
    await expect(startFixtureGateway({ topology })).rejects.toThrow('/files/{path+}')
  })
})

describe('with CORS', () => {
  let other: FixtureGateway
  const origin = 'https://kaha.example'

  beforeAll(async () => {
    other = await startFixtureGateway({ corsOrigins: [origin, 'https://second.example'] })
  })

  afterAll(() => other.stop())

  const askOther = (options: Parameters<typeof request>[1]) => request(`${other.gateway.httpUrl}/items`, options)

  test('a preflight is answered by the gateway alone', async () => {
    const { status, headers, text } = await askOther({
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    })
    expect({ status, text }).toEqual({ status: 204, text: '' })
    expect(headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET,POST,PUT,PATCH,DELETE',
      'access-control-allow-headers': 'authorization,content-type',
      'access-control-max-age': '3600',
    })
  })

  test.each([
    ['of another origin', { origin: 'https://evil.example', 'access-control-request-method': 'POST' }],
    ['without a method', { origin }],
    ['without an origin', { 'access-control-request-method': 'POST' }],
  ])('a preflight %s gets no CORS headers', async (_what, headers) => {
    const answer = await askOther({ method: 'OPTIONS', headers })
    expect(answer.status).toBe(204)
    expect(Object.keys(answer.headers).filter(name => name.startsWith('access-control-'))).toEqual([])
  })

  test('the headers of the function give way to those of the gateway', async () => {
    const allowed = await askOther({ headers: { origin, 'x-do': 'own cors' } })
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'apigw-requestid,retry-after',
    })
    const foreign = await askOther({ headers: { origin: 'https://evil.example', 'x-do': 'own cors' } })
    expect(foreign).toMatchObject({ status: 200, text: 'x' })
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin')
  })

  test('the headers of the function stay where the gateway has no CORS configuration', async () => {
    const { headers } = await ask('/items', { headers: { origin, 'x-do': 'own cors' } })
    expect(headers['access-control-allow-origin']).toBe('https://evil.example')
  })
})
