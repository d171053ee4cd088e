import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { ask } from '../http.ts'
import { NotApplicable } from '../report.ts'
import type { Story } from '../story.ts'

/** Status and code of a problem, as `401 unauthorized`. */
const problemOf = ({ status, body }: { status: number; body: unknown }): string =>
  `${status} ${(body as { code?: string } | undefined)?.code ?? JSON.stringify(body)}`

export const refusesWithoutToken: Story = async ({ HttpApiUrl }, { check }) => {
  await check('Without a valid token the HTTP API answers nobody', async () => {
    for (const target of [
      'GET /conversations',
      'GET /sync',
      'POST /realtime/ticket',
      'POST /internal/profile-events',
    ]) {
      const body = target.startsWith('POST') ? { body: {} } : {}
      assert.equal(problemOf(await ask(HttpApiUrl, target, body)), '401 unauthorized', `${target} was answered without`)
    }
    const answer = await ask(HttpApiUrl, 'GET /conversations', { token: 'noise' })
    assert.equal(problemOf(answer), '401 unauthorized', 'noise was taken for a token')
  })
}

export const refusesForgedTokens: Story = async ({ HttpApiUrl, alice }, { check }) => {
  await check('A token that somebody else has signed, or nobody, is refused', async () => {
    const [, payload, signature = ''] = alice.token.split('.')
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url')
    const forged = [`${unsigned}.${payload}.`, `${unsigned}.${payload}.${signature}`, alice.token.slice(0, -8)]
    for (const token of forged) {
      assert.equal(problemOf(await ask(HttpApiUrl, 'GET /conversations', { token })), '401 unauthorized')
    }
  })
}

export const refusesUnknownPaths: Story = async ({ HttpApiUrl, alice: { token } }, { check }) => {
  await check('Unknown paths and methods, other content types and large bodies are answered as problems', async () => {
    assert.equal(problemOf(await ask(HttpApiUrl, 'GET /no/such/path', { token })), '404 not_found')
    const wrongMethod = await ask(HttpApiUrl, 'DELETE /conversations', { token })
    assert.equal(problemOf(wrongMethod), '405 method_not_allowed')
    assert.match(wrongMethod.headers.get('allow') ?? '', /GET/, 'Allow is missing')
    const target = `POST /conversations/${randomUUID()}/messages`
    for (const type of ['text/plain', 'application/merge-patch+json']) {
      const headers = { 'content-type': type }
      const answer = await ask(HttpApiUrl, target, { token, body: { content: 'x' }, headers })
      assert.equal(answer.status, 415, `${type}: ${problemOf(answer)}`)
    }
    const large = await ask(HttpApiUrl, target, { token, body: { content: 'x'.repeat(257 * 1_024) } })
    assert.equal(large.status, 413, problemOf(large))
  })
}

export const keepsConversationsApart: Story = async ({ HttpApiUrl, alice: { token } }, { check }) => {
  await check('A conversation that is not there, or not one’s own, is 404', async () => {
    const answer = await ask(HttpApiUrl, `GET /conversations/${randomUUID()}`, { token })
    assert.equal(problemOf(answer), '404 not_found')
  })
}

export const keepsOriginsOut: Story = async ({ HttpApiUrl }, { check }) => {
  await check('A page of an origin that was not named may not call', async () => {
    const origin = 'https://not-named.example'
    const allowed = (await ask(HttpApiUrl, 'GET /health', { headers: { origin } })).headers.get(
      'access-control-allow-origin',
    )
    if (allowed === '*') throw new NotApplicable('every origin may call this stack')
    assert.equal(allowed, null, `${origin} may call`)
  })
}

export const keepsBusinessesApart: Story = async ({ HttpApiUrl, alice, sign }, { check, skip }) => {
  const title = 'The inbox of a business opens to its own token, and to no other'
  if (!sign) return skip(title, 'it takes JWT_SECRET')
  await check(title, async () => {
    const businessId = randomUUID()
    const target = `GET /business/${businessId}/inbox`
    const token = await sign({ id: alice.id, businessId }, 300)
    const answer = await ask(HttpApiUrl, target, { token })
    assert.equal(answer.status, 200, problemOf(answer))
    assert.equal(problemOf(await ask(HttpApiUrl, target, { token: alice.token })), '403 forbidden')
  })
}

export const findsHeaderLimit: Story = async ({ HttpApiUrl }, { find }) => {
  await find('What answers a request with 12 KB of headers', async () => {
    const headers = Object.fromEntries([1, 2, 3, 4].map(number => [`x-large-${number}`, 'x'.repeat(3_072)]))
    const { status } = await ask(HttpApiUrl, 'GET /health', { headers })
    return `${status}`
  })
}
