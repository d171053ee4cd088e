import { describe, expect, test } from '@jest/globals'
import { servedActions } from '../../infra/documents/served.ts'
import { topology } from '../../infra/topology.ts'
import { serverEvents } from '../../shared/delivery/events.ts'
import { testStack } from '../support/stack.ts'

const pages = ['/docs', '/docs/websocket']

const get = async (path: string): Promise<Response> => {
  const response = await fetch(testStack().outputs.HttpApiUrl + path, { signal: AbortSignal.timeout(15_000) })
  expect([path, response.status]).toEqual([path, 200])
  return response
}

/** What a page loads or leads to. */
const linksIn = (html: string): string[] =>
  Array.from(html.matchAll(/(?:href|src)="([^"]+)"/g), ([, link = '']) => link)

describe('the reference on the local host', () => {
  test.each(pages)('%s loads from this host alone, and everything it names is there', async path => {
    const response = await get(path)
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'self';/)
    const links = linksIn(await response.text()).filter(link => !link.startsWith('#'))
    expect(links).toContain('/docs/swagger-ui.css')
    for (const link of links) await get(link)
  })

  test('shows the OpenAPI document', async () => {
    expect(await (await get('/docs')).text()).toContain('<script src="/docs/start.js">')
    expect(await (await get('/docs/start.js')).text()).toContain("url: '/openapi.json'")
  })

  test('shows every action, every event and every schema that they lead to', async () => {
    const html = await (await get('/docs/websocket')).text()
    const ids = Array.from(html.matchAll(/<section id="([^"]+)"/g), ([, id]) => id)
    for (const action of (await servedActions()).keys()) expect(ids).toContain(`receive-${action}`)
    for (const event of Object.keys(serverEvents)) expect(ids).toContain(`send-${event}`)
    for (const link of linksIn(html).filter(link => link.startsWith('#'))) expect(ids).toContain(link.slice(1))
  })

  test('is no part of the API', () => {
    expect(topology.httpRoutes.filter(route => pages.includes(route.path))).toEqual([])
  })
})
