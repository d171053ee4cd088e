import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { v4, v7 } from 'uuid'
import { Id, idTime, lowestIdAt, newId, TimeOrderedId } from '../../shared/platform/ids.ts'

const time = fc.date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })

describe('an id', () => {
  test('is any UUID, in lower case', () => {
    const id = v4()
    expect(Id.parse(id.toUpperCase())).toBe(id)
  })

  test.each(['', 'me', v4().slice(1), `${v4()}0`, `{${v4()}}`, v4().replaceAll('-', ''), ` ${v4()}`, `${v4()}\u0000`])(
    'is not %j',
    text => {
      expect(Id.safeParse(text).success).toBe(false)
    },
  )

  test('that carries its time is a UUIDv7 only', () => {
    expect(TimeOrderedId.safeParse(v7()).success).toBe(true)
    expect(TimeOrderedId.safeParse(v4()).success).toBe(false)
  })

  test('of ours carries the time of the clock', () => {
    fc.assert(
      fc.property(time, now => {
        const id = newId({ now: () => now })
        expect(TimeOrderedId.safeParse(id).success).toBe(true)
        expect(idTime(id)).toBe(now.getTime())
      }),
    )
  })
})

describe('the lowest id at a time', () => {
  test('lies between all that were minted before it and all since', () => {
    fc.assert(
      fc.property(time, now => {
        const lowest = lowestIdAt(now)
        expect(lowest < v7({ msecs: now.getTime() })).toBe(true)
        expect(now.getTime() === 0 || v7({ msecs: now.getTime() - 1 }) < lowest).toBe(true)
        expect(idTime(lowest)).toBe(now.getTime())
      }),
    )
  })
})
