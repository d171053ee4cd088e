import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { ProblemCode } from '../../shared/platform/problems.ts'
import { tokenFor } from '../support/tokens.ts'
import { request, type WireRequest } from '../support/wire-client.ts'
import { badTokens } from './bad-tokens.ts'
import { expectProblem } from './problem-answer.ts'
import { openStoredRows, type RowCounts, type StoredRows } from './stored-rows.ts'

const [alice, bob, carol, eve, nobody] = Array.from({ length: 5 }, () => randomUUID()) as [
  string,
  string,
  string,
  string,
  string,
]
let token: string
let evesToken: string
let direct: Conversation
let group: Conversation
let rows: StoredRows
let before: RowCounts

const countRows = () => rows.of([alice, bob, carol, eve, nobody])

beforeAll(async () => {
  ;[token, evesToken, rows] = await Promise.all([tokenFor(alice), tokenFor(eve), openStoredRows()])
  direct = (await request<Conversation>('POST /conversations/direct', { token, body: { targetUserId: bob } })).body
  group = (await request<Conversation>('POST /conversations/group', { token, body: { participantIds: [carol] } })).body
  await request('GET /conversations', { token: evesToken })
})
afterAll(() => rows.close())

beforeEach(async () => {
  before = await countRows()
})
afterEach(async () => {
  expect(await countRows()).toEqual(before)
})

const refused = async (target: string, options: WireRequest, code: ProblemCode): Promise<void> =>
  expectProblem(await request(target, { token, ...options }), code)

const json = { 'content-type': 'application/json' }
const messages = () => `/conversations/${direct.id}/messages`
const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
const deepList = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('a body', () => {
  test.each(['{', '{"content":}', "{'content':'Hi'}", 'content=Hi', '{"content":"Hi"} x', '\u0000', '[', 'undefined'])(
    'that is no JSON stores nothing: %j',
    async rawBody => {
      await refused(`POST ${messages()}`, { rawBody, headers: json }, 'invalid_json')
      await refused('POST /conversations/direct', { rawBody, headers: json }, 'invalid_json')
    },
  )

  test.each(['null', '7', 'true', '"Hi"', '[]', '[{"content":"Hi"}]', '', '{}', deepList(10_000), deep(10_000)])(
    'that is not the object it should be stores nothing: %.40s',
    async rawBody => {
      const options = { rawBody, headers: json }
      await refused(`POST ${messages()}`, options, 'validation_failed')
      await refused('POST /conversations/direct', options, 'validation_failed')
      await refused('POST /conversations/group', options, 'validation_failed')
      await refused(`PATCH /conversations/${group.id}`, options, 'validation_failed')
      await refused(`POST /conversations/${group.id}/participants`, options, 'validation_failed')
      await refused(`PUT /conversations/${group.id}/participants/${carol}/role`, options, 'validation_failed')
    },
  )

  test.each<[string, string]>([
    ['content that is a number', '{"content":7}'],
    ['content that is null', '{"content":null}'],
    ['content that is an object', '{"content":{"toString":"Hi"}}'],
    ['content that is empty', '{"content":""}'],
    ['content that is a tag', '{"content":"<img src=x onerror=alert(1)>"}'],
    ['content that is NUL', '{"content":"\\u0000"}'],
    ['a lone surrogate', '{"content":"a\\ud800b"}'],
    ['4,000 emoji', JSON.stringify({ content: '😀'.repeat(4_000) })],
    ['4,000 emoji, escaped', `{"content":"${'\\ud83d\\ude00'.repeat(4_000)}"}`],
    ['metadata that is a list', '{"content":"Hi","metadata":[]}'],
    ['metadata of 3 KB', JSON.stringify({ content: 'Hi', metadata: { a: 'x'.repeat(3_000) } })],
    ['metadata that is 10,000 deep', `{"content":"Hi","metadata":${deep(10_000)}}`],
    ['lists that are 10,000 deep', `{"content":"Hi","metadata":{"a":${deepList(10_000)}}}`],
    ['an unknown field', '{"content":"Hi","contents":"Hi"}'],
    ['the sender', `{"content":"Hi","senderId":"${randomUUID()}"}`],
    ['a prototype', '{"content":"Hi","__proto__":{"admin":true}}'],
    ['the type of the service', '{"content":"Hi","type":"system"}'],
    ['an id that is no UUIDv7', `{"content":"Hi","id":"${randomUUID()}"}`],
    ['an id with NUL', '{"content":"Hi","id":"\\u0000"}'],
    ['an id of the far future', '{"content":"Hi","id":"ffffffff-ffff-7fff-bfff-ffffffffffff"}'],
  ])('with %s stores no message', async (_, rawBody) => {
    await refused(`POST ${messages()}`, { rawBody, headers: json }, 'validation_failed')
  })

  test('with a message id of the year 1970 stores no message', async () => {
    const id = '00000000-0000-7000-8000-000000000000'
    await refused(`POST ${messages()}`, { body: { id, content: 'Hi' } }, 'message_id_expired')
  })

  test.each<[string, unknown]>([
    ['nobody', {}],
    ['a user who is no UUID', { targetUserId: 'bob' }],
    ['a user with NUL', { targetUserId: `${nobody.slice(0, -1)}\u0000` }],
    ['oneself', { targetUserId: alice }],
    ['a list of users', { targetUserId: [nobody] }],
    ['an unknown field', { targetUserId: nobody, targetId: nobody }],
  ])('with %s opens no direct conversation', async (_, body) => {
    await refused('POST /conversations/direct', { body }, 'validation_failed')
  })

  test.each<[string, object]>([
    ['nobody', { participantIds: [] }],
    ['a text as list', { participantIds: nobody }],
    ['eight others', { participantIds: Array.from({ length: 8 }, () => randomUUID()) }],
    ['one user twice', { participantIds: [nobody, nobody.toUpperCase()] }],
    ['oneself', { participantIds: [nobody, alice] }],
    ['a lone surrogate in its name', { participantIds: [nobody], name: 'a\udc00' }],
    ['a name of tags', { participantIds: [nobody], name: '<b></b>' }],
    ['a name of 101 letters', { participantIds: [nobody], name: 'x'.repeat(101) }],
    ['an id that is no UUID', { participantIds: [nobody], id: '7' }],
    ['100,000 numbers', { participantIds: Array(100_000).fill(7) }],
  ])('with %s makes no group', async (_, body) => {
    await refused('POST /conversations/group', { body }, 'validation_failed')
  })

  test('of 1 MB is too large, whatever is in it', async () => {
    const large = 'x'.repeat(1024 * 1024)
    const bodies = [large, JSON.stringify({ content: large }), deepList(512 * 1024)]
    for (const rawBody of bodies) await refused(`POST ${messages()}`, { rawBody, headers: json }, 'payload_too_large')
    await refused(`POST ${messages()}`, { rawBody: large }, 'payload_too_large')
  })

  test.each([
    undefined,
    'text/plain',
    'text/html',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'json',
    ',',
  ])('of the content type %s is not read', async type => {
    const headers = type === undefined ? {} : { 'content-type': type }
    const rawBody = new TextEncoder().encode('{"content":"Hi"}')
    await refused(`POST ${messages()}`, { rawBody, headers }, 'unsupported_media_type')
  })

  test('does not belong to a request that reads or deletes', async () => {
    await refused(`DELETE ${messages()}/${randomUUID()}`, { body: { all: true } }, 'validation_failed')
  })
})

describe('a path', () => {
  test.each([
    '/',
    '/conversation',
    '/conversations/',
    '/conversations//messages',
    '/Conversations',
    '/.env',
    '/%00',
    '/%ff',
  ])('that is not known is not found: %s', async path => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      await refused(`${method} ${path}`, method === 'POST' ? { body: {} } : {}, 'not_found')
    }
  })

  test.each([
    ['DELETE', '/conversations', ['GET']],
    ['PUT', '/conversations/group', ['POST', 'GET', 'PATCH']],
    ['POST', `/conversations/${nobody}`, ['GET', 'PATCH']],
    ['PATCH', `/conversations/${nobody}/messages`, ['POST', 'GET']],
    ['HEAD', '/health', ['GET']],
  ])('does not have the method %s: %s', async (method, path, methods) => {
    const answer = await request(`${method} ${path}`, { token })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')?.split(', ')).toEqual(methods)
    if (method !== 'HEAD') expectProblem(answer, 'method_not_allowed')
  })

  test.each([
    '7',
    'null',
    '%00',
    '%ff',
    '..%2f..',
    "'; drop table users --",
    `${nobody}0`,
    '😀',
    '%F0%9F',
    'x'.repeat(2_000),
  ])('with an id that is none stores nothing: %.30s', async id => {
    const part = id.includes('%') ? id : encodeURIComponent(id)
    for (const target of [`GET /conversations/${part}`, `GET /conversations/${part}/messages`]) {
      const answer = await request(target, { token })
      expect([target, answer.status]).toEqual([target, id.includes('%2f') ? 404 : 400])
      expectProblem(answer, answer.status === 404 ? 'not_found' : 'validation_failed')
    }
    const answer = await request(`POST /conversations/${part}/messages`, { token, body: { content: 'Hi' } })
    expect(answer.status).toBe(id.includes('%2f') ? 404 : 400)
  })

  test('with the ids of others is answered as one of nobody, whatever is asked', async () => {
    const body = { content: 'Hi' }
    for (const id of [direct.id, group.id, nobody]) {
      await refused(`GET /conversations/${id}`, { token: evesToken }, 'not_found')
      await refused(`GET /conversations/${id}/messages`, { token: evesToken }, 'not_found')
      await refused(`POST /conversations/${id}/messages`, { token: evesToken, body }, 'not_found')
      await refused(`PATCH /conversations/${id}`, { token: evesToken, body: { name: 'Eve' } }, 'not_found')
      const add = { token: evesToken, body: { userId: eve } }
      await refused(`POST /conversations/${id}/participants`, add, 'not_found')
      await refused(`DELETE /conversations/${id}/participants/${bob}`, { token: evesToken }, 'not_found')
    }
  })
})

describe('a query', () => {
  test.each([
    'limit=1&limit=2',
    'limit=0',
    'limit=101',
    'limit=-1',
    'limit=1e1',
    'limit=%00',
    'limit',
    'limit=99999999999999999999',
    'unknown=1',
    'type=channel',
    'type=direct&type=direct',
    'unread=1',
    'search=',
    'search=%20',
    `search=${'x'.repeat(101)}`,
    'Limit=1',
    '__proto__=1',
  ])('that is not valid is refused: ?%.40s', async query => {
    await refused(`GET /conversations?${query}`, {}, 'validation_failed')
  })

  test.each(['cursor=', 'cursor=abc', 'cursor=%00', `cursor=${'A'.repeat(2_000)}`, 'cursor=eyJhIjoxfQ'])(
    'with a cursor that is none is refused: ?%.40s',
    async query => {
      await refused(`GET /conversations?${query}`, {}, 'invalid_cursor')
    },
  )

  test.each(['before=-1', 'after=x', 'before=1&after=1', 'after=1&after=2', 'offset=0', 'before=1.5', 'after=1e400'])(
    'for history that is not valid is refused: ?%s',
    async query => {
      await refused(`GET ${messages()}?${query}`, {}, 'validation_failed')
    },
  )

  test('with bytes that are no UTF-8, or a percent sign alone, searches for nothing', async () => {
    for (const search of ['%', '%ff', '%F0%9F', '%00', '%ED%A0%80']) {
      const { status } = await request(`GET /conversations?search=${search}`, { token })
      expect([search, status]).toEqual([search, 200])
    }
  })
})

test('a token that is not valid stores nothing, not even its user', async () => {
  for (const { token: bad, code } of await badTokens(nobody)) {
    const options = { token: bad, body: { targetUserId: bob } }
    await refused('POST /conversations/direct', options, code as ProblemCode)
    await refused(`POST ${messages()}`, { token: bad, body: { content: 'Hi' } }, code as ProblemCode)
  }
})
