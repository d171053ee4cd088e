import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { asyncApiDocument } from '../../infra/documents/asyncapi.ts'
import { openApiDocument } from '../../infra/documents/openapi.ts'
import { topology } from '../../infra/topology.ts'
import { allowedOrigin } from '../support/stack.ts'
import { tokenFor } from '../support/tokens.ts'
import { request } from '../support/wire-client.ts'
import { badTokens } from './bad-tokens.ts'
import { expectProblem } from './problem-answer.ts'

const withoutToken = ['/health', '/health/ready', '/openapi.json', '/asyncapi.json']
const guarded = topology.httpRoutes
  .filter(({ path }) => !withoutToken.includes(path))
  .map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, () => randomUUID())}`)

describe('a request without a valid token', () => {
  test.each(guarded)('is refused: %s', async target => {
    const body = target.startsWith('GET') ? {} : { body: {} }
    expectProblem(await request(target, body), 'unauthorized')
    expectProblem(await request(target, { ...body, token: 'noise' }), 'unauthorized')
  })

  test('is refused whatever is wrong with the token', async () => {
    for (const { token, code } of await badTokens(randomUUID())) {
      expectProblem(await request('GET /conversations', { token }), code as 'unauthorized')
    }
  })

  test.each(['', 'Bearer', 'Bearer ', 'Basic dTpw', 'Bearer a b', 'Token x'])(
    'is refused with the header Authorization: %s',
    async authorization => {
      expectProblem(await request('GET /conversations', { headers: { authorization } }), 'unauthorized')
    },
  )

  test('is answered when the name of the scheme is written in another case', async () => {
    const authorization = `bearer ${await tokenFor(randomUUID())}`
    expect(await request('GET /conversations', { headers: { authorization } })).toMatchObject({
      status: 200,
      body: { items: [], nextCursor: null },
    })
  })
})

describe('the health', () => {
  test('of the service is told without a token', async () => {
    expect(await request('GET /health')).toMatchObject({ status: 200, body: { status: 'ok' } })
  })

  test('of each store is told without a token', async () => {
    expect(await request('GET /health/ready')).toMatchObject({
      status: 200,
      body: { status: 'ready', stores: { postgres: 'up', redis: 'up' } },
    })
  })
})

describe('the API documents', () => {
  test('are served without a token, as this release makes them', async () => {
    expect(await request('GET /openapi.json')).toMatchObject({ status: 200, body: await openApiDocument() })
    expect(await request('GET /asyncapi.json')).toMatchObject({ status: 200, body: await asyncApiDocument() })
  })
})

describe('a browser', () => {
  const preflight = (origin: string) =>
    request('OPTIONS /conversations', {
      headers: {
        origin,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,content-type',
      },
    })

  test('may call from an allowed origin', async () => {
    const { status, headers } = await preflight(allowedOrigin)
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe(allowedOrigin)
    expect(headers.get('access-control-allow-methods')?.split(',')).toContain('PATCH')
    expect(headers.get('access-control-allow-headers')?.split(',').sort()).toEqual(['authorization', 'content-type'])
  })

  test('may read answers at an allowed origin, also those that are problems', async () => {
    const headers = { origin: allowedOrigin }
    const answers = [
      await request('GET /health', { headers }),
      await request('GET /conversations', { headers }),
      await request('GET /no/such/path', { headers }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 404])
    for (const answer of answers) expect(answer.headers.get('access-control-allow-origin')).toBe(allowedOrigin)
  })

  test.each(['https://evil.example.com', `${allowedOrigin}.evil.com`, 'null', 'http://app.example.com'])(
    'may not call from %s',
    async origin => {
      const { headers } = await preflight(origin)
      expect([...headers.keys()].filter(name => name.startsWith('access-control'))).toEqual([])
      const answer = await request('GET /health', { headers: { origin } })
      expect([...answer.headers.keys()].filter(name => name.startsWith('access-control'))).toEqual([])
    },
  )
})
