import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { testStack } from '../support/stack.ts'

const address = (): URL => new URL(testStack().outputs.PlaygroundUrl)
const get = (path: string): Promise<Response> =>
  fetch(new URL(path, address()), { signal: AbortSignal.timeout(15_000) })

/** `fetch` does not let anybody choose the host. */
const post = (
  path: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, port, pathname } = new URL(`${address().pathname}${path}`, address())
    const outgoing = request({ hostname, port, path: pathname, method: 'POST', headers, timeout: 15_000 }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', part => (text += part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    outgoing.on('error', reject)
    outgoing.end(JSON.stringify(body))
  })

describe('the page of the playground', () => {
  test('may load from its own host only, talk to the API and its socket only, and is in nobody else’s frame', async () => {
    const response = await get('/playground')
    expect(response.status).toBe(200)
    const policy = Object.fromEntries(
      (response.headers.get('content-security-policy') ?? '').split('; ').map(part => {
        const [name = '', ...sources] = part.split(' ')
        return [name, sources.join(' ')]
      }),
    )
    expect(policy).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'img-src': "'self' data:",
      'connect-src': `'self' ${testStack().outputs.WebSocketUrl}`,
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
    })
    const links = [...(await response.text()).matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = '']) => link)
    expect(links).toHaveLength(3)
    for (const link of links) {
      expect(link).toMatch(/^\/playground\//)
      expect([link, (await get(link)).status]).toEqual([link, 200])
    }
  })
})

describe('tokens for the playground', () => {
  const claims = { id: randomUUID(), kahaId: 'somebody' }
  const own = () => ({ host: address().host, origin: address().origin })

  test('are for its own page', async () => {
    const answer = await post('/token', { ...claims, businessId: claims.id }, own())
    expect(answer.status).toBe(200)
    expect(decodeJwt(JSON.parse(answer.text).token)).toMatchObject({ ...claims, businessId: claims.id })
  })

  test.each([
    ['another site', () => ({ ...own(), origin: 'https://evil.example.com' })],
    ['a name that was made to point here', () => ({ host: 'evil.example.com', origin: 'http://evil.example.com' })],
    ['nobody says who', () => ({ host: address().host })],
  ])('are refused when the request is from %s', async (_who, headers) => {
    expect(await post('/token', claims, headers())).toMatchObject({ status: 403 })
    expect(await post('/names', [], headers())).toMatchObject({ status: 403 })
  })

  test('are refused for somebody who could not be', async () => {
    expect(await post('/token', { ...claims, id: 'me' }, own())).toMatchObject({ status: 400 })
    expect(await post('/token', { ...claims, exp: 9e9 }, own())).toMatchObject({ status: 400 })
  })
})
