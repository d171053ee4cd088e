import { describe, expect, test } from '@jest/globals'
import { v4, v7 } from 'uuid'
import {
  Content,
  HistoryQuery,
  Metadata,
  SendMessage,
  SendMessageFrame,
} from '../../shared/messages/messages.schema.ts'

const nested = (depth: number): unknown => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)

describe('content', () => {
  test.each([
    ['4,000 letters', 'x'.repeat(4_000)],
    ['2,000 emoji, which are 4,000 UTF-16 units', '😀'.repeat(2_000)],
    ['4,000 letters of three bytes', 'क'.repeat(4_000)],
  ])('may be %s', (_, text) => {
    expect(Content.parse(text)).toBe(text)
  })

  test.each([
    ['4,001 letters', 'x'.repeat(4_001)],
    ['4,001 letters of which a tag is one part', `<b>${'x'.repeat(3_998)}`],
    ['4,000 emoji', '😀'.repeat(4_000)],
    ['3,000 letters that NFC makes 9,000', '\ufb2c'.repeat(3_000)],
    ['nothing', ''],
    ['white space', ' \n\t '],
    ['tags', '<b></b>'],
    ['control characters', '\u0000\u0007'],
    ['a lone high surrogate', 'a\ud83d'],
    ['a lone low surrogate', '\ude00a'],
    ['a number', 7],
    ['null', null],
  ])('may not be %s', (_, text) => {
    expect(Content.safeParse(text).success).toBe(false)
  })

  test('loses its markup and control characters and keeps the space around it', () => {
    expect(Content.parse(' <i>one</i>\u0000\ntwo ')).toBe(' one\ntwo ')
  })
})

describe('metadata', () => {
  const ofBytes = (bytes: number) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) })

  test('may take 2 KB as JSON and no more', () => {
    expect(Metadata.safeParse(ofBytes(2_048)).success).toBe(true)
    expect(Metadata.safeParse(ofBytes(2_049)).success).toBe(false)
    expect(Metadata.safeParse({ a: 'क'.repeat(700) }).success).toBe(false)
  })

  test('is kept as it came', () => {
    const metadata = { '<b>': '<i>\u0000\ud83d', list: [1, null, { deep: true }], '': 0 }
    expect(Metadata.parse(metadata)).toEqual(metadata)
  })

  test.each([
    ['an array', [1]],
    ['null', null],
    ['text', '{}'],
    ['10,000 deep', nested(10_000)],
  ])('may not be %s', (_, metadata) => {
    expect(Metadata.safeParse(metadata).success).toBe(false)
  })
})

describe('a message to send', () => {
  test('may bring an id that carries its time, in either case', () => {
    const id = v7()
    expect(SendMessage.parse({ id: id.toUpperCase(), content: 'Hi' }).id).toBe(id)
    expect(SendMessage.safeParse({ id: v4(), content: 'Hi' }).success).toBe(false)
  })

  test.each([
    ['no content', {}],
    ['another type', { content: 'Hi', type: 'system' }],
    ['an unknown field', { content: 'Hi', contents: 'Hi' }],
    ['a field of every object', { content: 'Hi', toString: 'Hi' }],
    ['a prototype', JSON.parse('{ "content": "Hi", "__proto__": {} }')],
    ['a sender', { content: 'Hi', senderId: v4() }],
  ])('may not have %s', (_, body) => {
    expect(SendMessage.safeParse(body).success).toBe(false)
  })

  test('names its conversation in a frame', () => {
    const conversationId = v4()
    expect(SendMessageFrame.parse({ conversationId, content: 'Hi' })).toEqual({ conversationId, content: 'Hi' })
    expect(SendMessageFrame.safeParse({ content: 'Hi' }).success).toBe(false)
    expect(SendMessageFrame.safeParse({ conversationId, content: 'Hi', extra: 1 }).success).toBe(false)
  })
})

describe('a query of history', () => {
  test('has a page of 50 unless it says otherwise', () => {
    expect(HistoryQuery.parse({})).toEqual({ limit: 50 })
    expect(HistoryQuery.parse({ before: '7', limit: '100' })).toEqual({ before: 7, limit: 100 })
    expect(HistoryQuery.parse({ after: '0' })).toEqual({ after: 0, limit: 50 })
  })

  test.each([
    { before: '1', after: '1' },
    { before: '-1' },
    { before: '1.5' },
    { before: '' },
    { before: ' 7' },
    { before: '0x10' },
    { before: '1e2' },
    { after: 'Infinity' },
    { after: '9007199254740992' },
    { limit: '0' },
    { limit: '101' },
    { limit: '' },
    { offset: '1' },
  ])('may not be %j', query => {
    expect(HistoryQuery.safeParse(query).success).toBe(false)
  })
})
