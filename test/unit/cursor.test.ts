import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import * as z from 'zod'
import { decodeCursor, encodeCursor } from '../../shared/platform/cursor.ts'

const Position = z.tuple([z.string(), z.number()])
const invalid = expect.objectContaining({ code: 'invalid_cursor' })

/** A cursor as an attacker makes it, who knows how it is made: what stands in it is not secret. */
const forged = (scope: string, position: string): string => {
  const check = createHash('sha256').update(`${scope}\n${position}`).digest('base64url').slice(0, 16)
  return Buffer.from(`${check}${position}`).toString('base64url')
}

describe('a cursor', () => {
  test('gives back its position to the list that made it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.integer(), (scope, text, number) => {
        const cursor = encodeCursor(scope, [text, number])
        expect(cursor).toMatch(/^[\w-]+$/)
        expect(decodeCursor(scope, Position, cursor)).toEqual([text, number])
      }),
    )
  })

  test('of another list is refused', () => {
    const cursor = encodeCursor('conversations of Alice', ['a', 1])
    expect(() => decodeCursor('conversations of Bob', Position, cursor)).toThrow(invalid)
  })

  test('that was damaged is refused wherever the damage is', () => {
    const cursor = encodeCursor('list', ['a', 1])
    for (let index = 0; index < cursor.length - 1; index += 1) {
      const damaged = cursor.slice(0, index) + (cursor[index] === 'A' ? 'B' : 'A') + cursor.slice(index + 1)
      expect(() => decodeCursor('list', Position, damaged)).toThrow(invalid)
    }
  })

  test.each([
    ['nothing', ''],
    ['noise', 'abc'],
    ['what is not base64', '%%%\u0000😀'],
    ['no JSON under a right check', forged('list', '[')],
    ['nothing under a right check', forged('list', '')],
    ['another shape under a right check', forged('list', '["a"]')],
    ['an object under a right check', forged('list', '{"length":2}')],
    ['10,000-deep JSON under a right check', forged('list', '['.repeat(10_000) + ']'.repeat(10_000))],
  ])('that is %s is refused', (_, cursor) => {
    expect(() => decodeCursor('list', Position, cursor)).toThrow(invalid)
  })
})
