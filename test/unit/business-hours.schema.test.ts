import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { BusinessHours } from '../../shared/business/hours.schema.ts'

/** `09:00-12:00 13:00-17:00` */
const ranges = (text: string) =>
  text
    .split(' ')
    .filter(Boolean)
    .map(range => ({ open: range.slice(0, 5), close: range.slice(6) }))

describe('hours that a business sets', () => {
  const body = { timezone: 'Europe/London', schedule: { monday: ranges('09:00-17:00') } }

  test('are enforced and have no dates of their own unless they say otherwise', () => {
    expect(BusinessHours.parse(body)).toEqual({ ...body, holidays: [], specialHours: {}, enforced: true })
  })

  test('are kept as they came', () => {
    const full = {
      timezone: 'Asia/Kathmandu',
      schedule: { sunday: ranges('18:00-02:00 09:00-12:00'), tuesday: [] },
      holidays: ['2026-12-25', '2028-02-29'],
      specialHours: { '2026-12-24': ranges('09:00-12:00'), '2026-12-31': [] },
      enforced: false,
    }
    expect(BusinessHours.parse(full)).toEqual(full)
  })

  test.each([
    ['ranges that touch', ranges('09:00-12:00 12:00-17:00')],
    ['a whole day', ranges('00:00-24:00')],
    ['a range over midnight after others', ranges('22:00-03:00 09:00-12:00')],
    ['a range over midnight that ends later than another begins', ranges('02:00-05:00 22:00-03:00')],
    ['24 hours from its open', ranges('00:00-00:00')],
    ['10 ranges', Array.from({ length: 10 }, (_, hour) => ({ open: `1${hour}:00`, close: `1${hour}:30` }))],
  ])('may have on a day %s', (_, monday) => {
    expect(BusinessHours.safeParse({ ...body, schedule: { monday } }).success).toBe(true)
  })

  test.each([
    ['ranges that overlap', ranges('09:00-12:00 11:59-17:00')],
    ['ranges that overlap, the later one first', ranges('11:59-17:00 09:00-12:00')],
    ['a range within another', ranges('09:00-17:00 10:00-11:00')],
    ['a range twice', ranges('09:00-17:00 09:00-17:00')],
    ['a range that begins in one over midnight', ranges('22:00-03:00 23:00-24:00')],
    ['a range after 24 hours from its open', ranges('09:00-09:00 10:00-11:00')],
    ['11 ranges', Array.from({ length: 11 }, (_, hour) => ({ open: `${10 + hour}:00`, close: `${10 + hour}:30` }))],
    ['a range without its end', [{ open: '09:00' }]],
    ['a range with more', [{ open: '09:00', close: '17:00', note: '' }]],
    ['a range alone', { open: '09:00', close: '17:00' }],
    ['null', null],
  ])('may not have on a day %s', (_, monday) => {
    expect(BusinessHours.safeParse({ ...body, schedule: { monday } }).success).toBe(false)
  })

  test.each(['9:00', '09:60', '24:00', '25:00', '0900', '09:00:00', '09:00\n', ' 09:00', '', 9])(
    'may not open at %j',
    open => {
      expect(BusinessHours.safeParse({ ...body, schedule: { monday: [{ open, close: '23:00' }] } }).success).toBe(false)
    },
  )

  test.each(['9:00', '09:60', '24:01', '25:00', '1700', '17:00Z', null])('may not close at %j', close => {
    expect(BusinessHours.safeParse({ ...body, schedule: { monday: [{ open: '08:00', close }] } }).success).toBe(false)
  })

  test.each(['UTC', 'America/Argentina/Buenos_Aires', 'Asia/Kathmandu', 'Europe/Kyiv', 'Europe/Kiev'])(
    'may be those of %s',
    timezone => {
      expect(BusinessHours.safeParse({ ...body, timezone }).success).toBe(true)
    },
  )

  test.each([
    'Europe/Atlantis',
    'London',
    'local',
    'system',
    'UTC+3',
    '+05:45',
    'Europe/London ',
    '',
    'x'.repeat(1e5),
    0,
  ])('may not be those of %.20j', timezone => {
    expect(BusinessHours.safeParse({ ...body, timezone }).success).toBe(false)
  })

  const manyDates = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10))
  const specialOn = (dates: readonly string[]) => Object.fromEntries(dates.map(date => [date, ranges('09:00-12:00')]))

  test('may have 400 holidays and 400 special dates', () => {
    const dates = { holidays: manyDates(400), specialHours: specialOn(manyDates(400)) }
    expect(BusinessHours.safeParse({ ...body, ...dates }).success).toBe(true)
  })

  test.each([
    ['no time zone', { timezone: undefined }],
    ['no week', { schedule: undefined }],
    ['an unknown day', { schedule: { someday: [] } }],
    ['a day by number', { schedule: [[], []] }],
    ['a field of every object for a day', { schedule: { toString: [] } }],
    ['an unknown field', { timeZone: 'Europe/London' }],
    ['a holiday that is no date', { holidays: ['2026-02-29'] }],
    ['a holiday with a time', { holidays: ['2026-12-25T00:00:00.000Z'] }],
    ['a holiday by number', { holidays: [20261225] }],
    ['401 holidays', { holidays: manyDates(401) }],
    ['a special date that is none', { specialHours: specialOn(['2026-04-31']) }],
    ['401 special dates', { specialHours: specialOn(manyDates(401)) }],
    ['ranges of a special date that overlap', { specialHours: { '2026-12-24': ranges('09:00-12:00 10:00-11:00') } }],
    ['enforcement by text', { enforced: 'true' }],
  ])('may not have %s', (_, part) => {
    expect(BusinessHours.safeParse({ ...body, ...part }).success).toBe(false)
  })

  test('say where they are wrong', () => {
    const { error } = BusinessHours.safeParse({
      ...body,
      schedule: { monday: ranges('09:00-12:00 11:00-13:00') },
      specialHours: { '2026-02-29': [] },
    })
    expect(error?.issues.map(({ path, message }) => [path.join('.'), message])).toEqual([
      ['schedule.monday', 'Two ranges of a day overlap'],
      ['specialHours.2026-02-29', 'A date: YYYY-MM-DD'],
    ])
  })

  test('are refused, never stumbled over, whatever they are', () => {
    fc.assert(
      fc.property(fc.anything(), anything => {
        expect(BusinessHours.safeParse(anything).success).toBe(false)
        const week = BusinessHours.safeParse({ ...body, schedule: { monday: [anything] }, specialHours: anything })
        expect(typeof week.success).toBe('boolean')
      }),
    )
  })
})
