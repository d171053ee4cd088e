import { describe, expect, test } from '@jest/globals'
import { isQuiet } from '../../shared/notifications/quiet-hours.ts'

const quiet = (from: string, to: string, timezone: string, at: string) => isQuiet({ from, to, timezone }, new Date(at))

describe('quiet hours', () => {
  test.each([
    ['13:00', '14:30', 'UTC', '2026-05-01T12:59:59.999Z', false],
    ['13:00', '14:30', 'UTC', '2026-05-01T13:00:00.000Z', true],
    ['13:00', '14:30', 'UTC', '2026-05-01T14:29:59.999Z', true],
    ['13:00', '14:30', 'UTC', '2026-05-01T14:30:00.000Z', false],
    ['00:00', '23:59', 'UTC', '2026-05-01T00:00:00.000Z', true],
    ['00:00', '23:59', 'UTC', '2026-05-01T23:59:00.000Z', false],
  ])('of a day, %s to %s in %s, begin and end to the minute: %s', (from, to, timezone, at, expected) => {
    expect(quiet(from, to, timezone, at)).toBe(expected)
  })

  test.each([
    ['2026-05-01T21:59:59.999Z', false],
    ['2026-05-01T22:00:00.000Z', true],
    ['2026-05-01T23:59:59.999Z', true],
    ['2026-05-02T00:00:00.000Z', true],
    ['2026-05-02T06:59:59.999Z', true],
    ['2026-05-02T07:00:00.000Z', false],
    ['2026-05-02T12:00:00.000Z', false],
  ])('from 22:00 to 07:00 last over midnight: %s', (at, expected) => {
    expect(quiet('22:00', '07:00', 'UTC', at)).toBe(expected)
  })

  test.each(['2026-05-01T00:00:00Z', '2026-05-01T08:59:00Z', '2026-05-01T09:00:00Z', '2026-05-01T23:59:00Z'])(
    'from 09:00 to 09:00 are all day: %s',
    at => {
      expect(quiet('09:00', '09:00', 'UTC', at)).toBe(true)
    },
  )

  test.each([
    // 45 minutes from the next whole hour, and a day ahead of UTC.
    ['Asia/Kathmandu', '2026-05-01T16:14:59Z', false],
    ['Asia/Kathmandu', '2026-05-01T16:15:00Z', true],
    ['Asia/Kathmandu', '2026-05-02T01:15:00Z', false],
    ['Pacific/Kiritimati', '2026-05-01T08:00:00Z', true],
    ['Pacific/Kiritimati', '2026-05-01T17:00:00Z', false],
    ['America/Los_Angeles', '2026-05-01T05:00:00Z', true],
    ['America/Los_Angeles', '2026-05-01T14:00:00Z', false],
  ])('are those of the clocks of %s: %s', (timezone, at, expected) => {
    expect(quiet('22:00', '07:00', timezone, at)).toBe(expected)
  })

  test.each([
    // London is an hour ahead of UTC from 29 March to 25 October.
    ['the winter', '2026-03-28T21:59:00Z', '2026-03-28T22:00:00Z', '2026-03-29T05:59:00Z', '2026-03-29T06:00:00Z'],
    ['the summer', '2026-06-01T20:59:00Z', '2026-06-01T21:00:00Z', '2026-06-02T05:59:00Z', '2026-06-02T06:00:00Z'],
    ['the way back', '2026-10-24T20:59:00Z', '2026-10-24T21:00:00Z', '2026-10-25T06:59:00Z', '2026-10-25T07:00:00Z'],
  ])('from 22:00 to 07:00 follow daylight saving time in the night of %s', (_, before, first, last, after) => {
    expect([before, first, last, after].map(at => quiet('22:00', '07:00', 'Europe/London', at))).toEqual([
      false,
      true,
      true,
      false,
    ])
  })

  test('that the clocks leap over do not come, and those that they show twice come twice', () => {
    const inLondon = (from: string, to: string, ...times: string[]) =>
      times.map(at => quiet(from, to, 'Europe/London', at))
    // 00:59 is followed by 02:00.
    const march = ['2026-03-29T00:59:00Z', '2026-03-29T01:00:00Z']
    expect(inLondon('01:00', '02:00', ...march)).toEqual([false, false])
    expect(inLondon('01:30', '02:30', ...march)).toEqual([false, true])
    // 01:59 is followed by 01:00.
    const october = ['2026-10-25T00:29:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:29:00Z', '2026-10-25T01:30:00Z']
    expect(inLondon('22:00', '01:30', ...october)).toEqual([true, false, true, false])
    expect(inLondon('01:00', '02:00', ...october)).toEqual([true, true, true, true])
  })
})
