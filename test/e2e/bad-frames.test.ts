import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { ProblemCode } from '../../shared/platform/problems.ts'
import { tokenFor } from '../support/tokens.ts'
import { openSocket, request, type WireSocket } from '../support/wire-client.ts'
import { problemOf } from './problem-answer.ts'
import { openStoredRows, type RowCounts, type StoredRows } from './stored-rows.ts'

const [alice, bob, eve, dave] = Array.from({ length: 4 }, () => randomUUID()) as [string, string, string, string]
let socket: WireSocket
let own: Conversation
let foreign: Conversation
let rows: StoredRows
let before: RowCounts

const countRows = () => rows.of([alice, bob, eve, dave])
const open = async (userId: string, targetUserId: string) => {
  const token = await tokenFor(userId)
  return (await request<Conversation>('POST /conversations/direct', { token, body: { targetUserId } })).body
}

beforeAll(async () => {
  rows = await openStoredRows()
  own = await open(alice, bob)
  foreign = await open(eve, dave)
  socket = await openSocket(await tokenFor(alice))
})
afterAll(async () => {
  await socket.close()
  await rows.close()
})

beforeEach(async () => {
  before = await countRows()
})
afterEach(async () => {
  expect(socket.isOpen).toBe(true)
  expect((await socket.ask('ping')).event).toBe('ack')
  expect(await countRows()).toEqual(before)
})

/** That a frame as it goes over the wire is answered with this problem, with its `requestId` where it has a good one. */
const expectRefused = async (frame: unknown, code: ProblemCode, requestId?: string): Promise<void> => {
  const answer = socket.next(({ event }) => event === 'error')
  socket.send(frame)
  expect(await answer).toEqual({ event: 'error', requestId, error: problemOf(code) })
}

const depth = 10_000
const deep = '['.repeat(depth) + ']'.repeat(depth)
const frame = (data: string, requestId = 'r-1') => `{"action":"message.send","requestId":"${requestId}","data":${data}}`
const send = (fields: string, conversationId = own.id) => frame(`{"conversationId":"${conversationId}",${fields}}`)

describe('a frame', () => {
  test.each(['hello', '{', '', '{"action":"ping"', "{'action':'ping'}", '\u0000', '[', 'NaN'])(
    'that is no JSON is told so: %j',
    text => expectRefused(text, 'invalid_json'),
  )

  test.each(['null', '7', 'true', '"ping"', '[]', '[{"action":"ping"}]', deep])(
    'that is no object is told so: %.20s',
    text => expectRefused(text, 'validation_failed'),
  )

  test.each([
    ['no action', {}],
    ['an action that is a number', { action: 7 }],
    ['an action that is null', { action: null }],
    ['an action that is an object', { action: { ping: 1 } }],
    ['an unknown field', { action: 'ping', date: {} }],
    ['data that is null', { action: 'ping', data: null }],
    ['data that is a list', { action: 'ping', data: [] }],
    ['data that is a text', { action: 'message.send', data: 'Hi' }],
    ['data that it has no use for', { action: 'ping', data: { now: true } }],
  ])('with %s is told so', async (_, fields) => {
    await expectRefused({ ...fields, requestId: 'r-2' }, 'validation_failed', 'r-2')
  })

  test.each([
    '',
    'subscribe',
    'conversation.join',
    'message.Send',
    'toString',
    '__proto__',
    '$connect',
    '$default',
    '\u0000',
  ])('for an action that there is not is told so: %j', action =>
    expectRefused({ action, requestId: 'r-3', data: { conversationId: foreign.id } }, 'unknown_action', 'r-3'),
  )

  test.each([
    ['129 letters', 'x'.repeat(129)],
    ['a number', 7],
    ['an object', {}],
    ['null', null],
  ])('whose requestId is %s is told so', async (_, requestId) => {
    await expectRefused({ action: 'ping', requestId, data: {} }, 'validation_failed')
  })

  test('may have a requestId of 128 letters, and it comes back as it was', async () => {
    for (const requestId of ['x'.repeat(128), '\ud800', '\u0000', '😀', '']) {
      socket.send({ action: 'ping', requestId, data: {} })
      const answer = await socket.until(answer => answer.requestId === requestId)
      expect(answer.event).toBe('ack')
    }
  })
})

describe('a message in a frame', () => {
  test.each<[string, string]>([
    ['no content', '"type":"text"'],
    ['content that is a number', '"content":7'],
    ['content that is null', '"content":null'],
    ['content that is a tag', '"content":"<img src=x onerror=alert(1)>"'],
    ['content that is NUL', '"content":"\\u0000"'],
    ['a lone surrogate', '"content":"a\\udc00"'],
    ['4,000 emoji', `"content":"${'😀'.repeat(4_000)}"`],
    ['4,001 letters', `"content":"${'x'.repeat(4_001)}"`],
    ['metadata that is a list', '"content":"Hi","metadata":[]'],
    ['metadata of 3 KB', `"content":"Hi","metadata":{"a":"${'x'.repeat(3_000)}"}`],
    ['metadata that is 10,000 deep', `"content":"Hi","metadata":{"a":${deep}}`],
    ['an unknown field', '"content":"Hi","contents":"Hi"'],
    ['the sender', `"content":"Hi","senderId":"${randomUUID()}"`],
    ['a prototype', '"content":"Hi","__proto__":{"admin":true}'],
    ['the type of the service', '"content":"Hi","type":"system"'],
    ['an id that is no UUIDv7', `"content":"Hi","id":"${randomUUID()}"`],
    ['an id of the far future', '"content":"Hi","id":"ffffffff-ffff-7fff-bfff-ffffffffffff"'],
  ])('with %s is not stored', async (_, fields) => {
    await expectRefused(send(fields), 'validation_failed', 'r-1')
  })

  test.each(['7', '""', 'null', '"\\u0000"', '{}'])('for the conversation %s is not stored', async id => {
    await expectRefused(frame(`{"conversationId":${id},"content":"Hi"}`), 'validation_failed', 'r-1')
  })

  test('for a conversation of others, or of nobody, is not stored', async () => {
    for (const id of [foreign.id, randomUUID()]) {
      await expectRefused(send('"content":"Hi"', id), 'not_found', 'r-1')
      const data = { conversationId: id, messageId: randomUUID() }
      await expectRefused({ action: 'message.delete', requestId: 'r-4', data }, 'not_found', 'r-4')
    }
  })

  test('with an id of the year 1970 is not stored', async () => {
    const fields = '"content":"Hi","id":"00000000-0000-7000-8000-000000000000"'
    await expectRefused(send(fields), 'message_id_expired', 'r-1')
  })
})

test('a heartbeat is never answered, whatever is in it', async () => {
  const come = socket.frames.length
  const bad = [{ data: 7 }, { data: { a: 'x'.repeat(20_000) } }, { requestId: 7 }, { requestId: 'r-5' }, { unknown: 1 }]
  for (const fields of bad) socket.send({ action: 'heartbeat', ...fields })
  await socket.ask('ping')
  expect(socket.frames.slice(come).filter(({ event }) => event === 'error')).toEqual([])
  expect(socket.frames.slice(come).filter(({ requestId }) => requestId === 'r-5')).toEqual([])
})

describe('a frame that the gateway does not take', () => {
  const limit = 32 * 1024
  const ofBytes = (bytes: number) => {
    const empty = send('"content":""')
    return send(`"content":"${'x'.repeat(bytes - empty.length)}"`)
  }

  test('has more than 32 KB: one of exactly that is answered', async () => {
    await expectRefused(ofBytes(limit), 'validation_failed', 'r-1')
  })

  test.each<[string, () => string, number]>([
    ['one byte past 32 KB', () => ofBytes(limit + 1), 1009],
    ['1 MB', () => ofBytes(1024 * 1024), 1009],
    ['4,000 emoji, escaped, which are 47 KB', () => send(`"content":"${'\\ud83d\\ude00'.repeat(4_000)}"`), 1009],
  ])('closes the socket with 1009 and stores nothing: %s', async (_, text, code) => {
    const other = await openSocket(await tokenFor(alice))
    other.send(text())
    expect(await other.closed).toBe(code)
  })

  test('is binary: it closes the socket with 1003 and stores nothing', async () => {
    const other = await openSocket(await tokenFor(alice))
    other.send(Buffer.from(send('"content":"Hi"')))
    expect(await other.closed).toBe(1003)
  })
})
