import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { BusinessHours, HoursStatus } from '../../shared/business/hours.schema.ts'
import { hoursStatus } from '../../shared/business/hours.ts'

const minute = 60_000
const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const

/** `09:00-12:00 13:00-17:00` */
const ranges = (text: string) =>
  text
    .split(' ')
    .filter(Boolean)
    .map(range => ({ open: range.slice(0, 5), close: range.slice(6) }))

const daily = (text: string) => Object.fromEntries(days.map(name => [name, ranges(text)]))
const workdays = (text: string) => ({ ...daily(text), saturday: [], sunday: [] })

interface Given {
  schedule: Record<string, { open: string; close: string }[]>
  holidays?: string[]
  special?: Record<string, string>
}

const hoursIn = (timezone: string, { schedule, holidays, special = {} }: Given): BusinessHours =>
  BusinessHours.parse({
    timezone,
    schedule,
    holidays,
    specialHours: Object.fromEntries(Object.entries(special).map(([date, text]) => [date, ranges(text)])),
  })

const isoOf = (time: string): string => new Date(time).toISOString()

/** A case: its name, the hours, the moment, and what is answered: `open` or `closed`, and until when, if ever. */
type Case = [
  name: string,
  given: Given,
  now: string,
  answer: `${'open' | 'closed'} until ${string}` | 'open' | 'closed',
]

const check = (timezone: string, [, given, now, answer]: Case): void => {
  const [state, until] = answer.split(' until ')
  const change = until ? isoOf(until) : null
  expect(hoursStatus(hoursIn(timezone, given), new Date(now))).toEqual(
    state === 'open'
      ? { isOpen: true, nextOpeningAt: null, nextClosingAt: change }
      : { isOpen: false, nextOpeningAt: change, nextClosingAt: null },
  )
}

const nineToFive = { schedule: workdays('09:00-17:00') }
const withBreak = { schedule: daily('09:00-12:00 13:00-17:00') }
const bar = { schedule: { friday: ranges('22:00-03:00') } }
const allDay = { schedule: daily('00:00-24:00') }

// 2026-01-12 is a Monday.
const ordinary: Case[] = [
  ['is open in its hours', nineToFive, '2026-01-12T12:00Z', 'open until 2026-01-12T17:00Z'],
  ['is closed a millisecond before it opens', nineToFive, '2026-01-12T08:59:59.999Z', 'closed until 2026-01-12T09:00Z'],
  ['is open at the very millisecond it opens', nineToFive, '2026-01-12T09:00Z', 'open until 2026-01-12T17:00Z'],
  ['is open a millisecond before it closes', nineToFive, '2026-01-12T16:59:59.999Z', 'open until 2026-01-12T17:00Z'],
  ['is closed at the very millisecond it closes', nineToFive, '2026-01-12T17:00Z', 'closed until 2026-01-13T09:00Z'],
  ['opens on Monday after a weekend', nineToFive, '2026-01-16T18:00Z', 'closed until 2026-01-19T09:00Z'],
  [
    'opens in a week where it opens once a week',
    { schedule: { monday: ranges('09:00-10:00') } },
    '2026-01-12T10:00Z',
    'closed until 2026-01-19T09:00Z',
  ],
  ['is open until its break', withBreak, '2026-01-12T11:59:59.999Z', 'open until 2026-01-12T12:00Z'],
  ['is closed in its break', withBreak, '2026-01-12T12:00Z', 'closed until 2026-01-12T13:00Z'],
  ['is open after its break', withBreak, '2026-01-12T13:00Z', 'open until 2026-01-12T17:00Z'],
  [
    'may name the ranges of a day in any order',
    { schedule: daily('18:00-20:00 09:00-12:00 13:00-17:00') },
    '2026-01-12T12:30Z',
    'closed until 2026-01-12T13:00Z',
  ],
  [
    'has no break between ranges that touch',
    { schedule: daily('09:00-12:00 12:00-17:00') },
    '2026-01-12T11:00Z',
    'open until 2026-01-12T17:00Z',
  ],
  ['is open without end, day and night, so there is no closing to tell', allDay, '2026-01-12T12:00Z', 'open'],
  ['is open at midnight when it is day and night', allDay, '2026-01-13T00:00Z', 'open'],
  [
    'is open day and night when each day lasts 24 hours from 09:00',
    { schedule: daily('09:00-09:00') },
    '2026-01-12T03:00Z',
    'open',
  ],
  [
    'is open for 24 hours from 09:00 to 09:00',
    { schedule: { monday: ranges('09:00-09:00') } },
    '2026-01-13T08:00Z',
    'open until 2026-01-13T09:00Z',
  ],
  ['never opens where no day has hours', { schedule: {} }, '2026-01-12T12:00Z', 'closed'],
  ['never opens where each day is empty', { schedule: daily('') }, '2026-01-12T12:00Z', 'closed'],
]

const overMidnight: Case[] = [
  ['is closed in the evening before it opens', bar, '2026-01-16T21:00Z', 'closed until 2026-01-16T22:00Z'],
  ['is open before midnight until the next day', bar, '2026-01-16T23:00Z', 'open until 2026-01-17T03:00Z'],
  ['is open at midnight', bar, '2026-01-17T00:00Z', 'open until 2026-01-17T03:00Z'],
  ['is open after midnight, on a day without hours', bar, '2026-01-17T02:59:59.999Z', 'open until 2026-01-17T03:00Z'],
  ['is closed at the end of its night', bar, '2026-01-17T03:00Z', 'closed until 2026-01-23T22:00Z'],
  ['is closed in the small hours before its day', bar, '2026-01-16T01:00Z', 'closed until 2026-01-16T22:00Z'],
  [
    'goes on from Sunday into Monday',
    { schedule: { sunday: ranges('20:00-02:00') } },
    '2026-01-12T01:00Z',
    'open until 2026-01-12T02:00Z',
  ],
  [
    'closes at midnight at 24:00',
    { schedule: { monday: ranges('18:00-24:00') } },
    '2026-01-12T23:59:59.999Z',
    'open until 2026-01-13T00:00Z',
  ],
  [
    'closes at midnight at 00:00',
    { schedule: { monday: ranges('18:00-00:00') } },
    '2026-01-12T20:00Z',
    'open until 2026-01-13T00:00Z',
  ],
  [
    'is one opening from 24:00 to 00:00',
    { schedule: { monday: ranges('18:00-24:00'), tuesday: ranges('00:00-02:00') } },
    '2026-01-12T20:00Z',
    'open until 2026-01-13T02:00Z',
  ],
  [
    'is one opening where a night and the next day overlap',
    { schedule: { monday: ranges('18:00-04:00'), tuesday: ranges('02:00-06:00') } },
    '2026-01-12T20:00Z',
    'open until 2026-01-13T06:00Z',
  ],
  [
    'is one opening where a night outlasts a range of the next day',
    { schedule: { monday: ranges('18:00-04:00'), tuesday: ranges('02:00-03:00') } },
    '2026-01-12T20:00Z',
    'open until 2026-01-13T04:00Z',
  ],
  [
    'stays open for the whole of a week that closes once',
    { schedule: { ...daily('00:00-24:00'), sunday: [] } },
    '2026-01-12T12:00Z',
    'open until 2026-01-18T00:00Z',
  ],
]

const dates: Case[] = [
  [
    'is closed on a holiday',
    { ...nineToFive, holidays: ['2026-01-13'] },
    '2026-01-13T12:00Z',
    'closed until 2026-01-14T09:00Z',
  ],
  [
    'leaps over a holiday',
    { ...nineToFive, holidays: ['2026-01-13'] },
    '2026-01-12T17:00Z',
    'closed until 2026-01-14T09:00Z',
  ],
  [
    'has the hours of a special date instead of those of the week',
    { ...nineToFive, special: { '2026-01-13': '10:00-14:00' } },
    '2026-01-13T09:30Z',
    'closed until 2026-01-13T10:00Z',
  ],
  [
    'closes early on a special date',
    { ...nineToFive, special: { '2026-01-13': '10:00-14:00' } },
    '2026-01-13T12:00Z',
    'open until 2026-01-13T14:00Z',
  ],
  [
    'opens on a Saturday that is a special date',
    { ...nineToFive, special: { '2026-01-17': '10:00-14:00' } },
    '2026-01-16T17:00Z',
    'closed until 2026-01-17T10:00Z',
  ],
  [
    'is closed on a special date without ranges',
    { ...nineToFive, special: { '2026-01-13': '' } },
    '2026-01-13T12:00Z',
    'closed until 2026-01-14T09:00Z',
  ],
  [
    'opens on a special date beside a holiday, and not on the holiday',
    { ...nineToFive, holidays: ['2026-12-25'], special: { '2026-12-24': '09:00-12:00' } },
    '2026-12-24T12:00Z',
    'closed until 2026-12-28T09:00Z',
  ],
  [
    'opens on a date that is a holiday and has hours of its own',
    { ...nineToFive, holidays: ['2026-12-25'], special: { '2026-12-25': '11:00-13:00' } },
    '2026-12-25T12:00Z',
    'open until 2026-12-25T13:00Z',
  ],
  [
    'finishes its night on a holiday',
    { ...bar, holidays: ['2026-01-17'] },
    '2026-01-17T01:00Z',
    'open until 2026-01-17T03:00Z',
  ],
  [
    'has no night that would begin on a holiday',
    { ...bar, holidays: ['2026-01-16'] },
    '2026-01-17T01:00Z',
    'closed until 2026-01-23T22:00Z',
  ],
  [
    'finishes its night on a special date',
    { ...bar, special: { '2026-01-17': '12:00-14:00' } },
    '2026-01-17T01:00Z',
    'open until 2026-01-17T03:00Z',
  ],
  [
    'closes for a holiday when it is open day and night',
    { ...allDay, holidays: ['2026-12-25'] },
    '2026-01-12T12:00Z',
    'open until 2026-12-25T00:00Z',
  ],
  [
    'opens on a leap day',
    { schedule: {}, special: { '2028-02-29': '09:00-17:00' } },
    '2028-02-28T12:00Z',
    'closed until 2028-02-29T09:00Z',
  ],
  [
    'goes on from a leap day into March',
    { schedule: {}, special: { '2028-02-29': '22:00-02:00' } },
    '2028-03-01T01:00Z',
    'open until 2028-03-01T02:00Z',
  ],
  [
    'goes on from one year into the next',
    { ...nineToFive, holidays: ['2027-01-01'], special: { '2026-12-31': '20:00-03:00' } },
    '2027-01-01T00:00Z',
    'open until 2027-01-01T03:00Z',
  ],
  [
    'opens after the turn of the year',
    { ...nineToFive, holidays: ['2027-01-01'] },
    '2026-12-31T17:00Z',
    'closed until 2027-01-04T09:00Z',
  ],
  [
    'opens on the 366th day ahead',
    { schedule: {}, special: { '2027-01-13': '23:00-24:00' } },
    '2026-01-12T12:00Z',
    'closed until 2027-01-13T23:00Z',
  ],
  [
    'does not say what is on the 367th day ahead',
    { schedule: {}, special: { '2027-01-14': '00:00-24:00' } },
    '2026-01-12T12:00Z',
    'closed',
  ],
  [
    'closes on the 366th day ahead',
    { ...allDay, special: { '2027-01-13': '00:00-23:00' } },
    '2026-01-12T12:00Z',
    'open until 2027-01-13T23:00Z',
  ],
  ['does not say that it closes on the 367th', { ...allDay, holidays: ['2027-01-14'] }, '2026-01-12T12:00Z', 'open'],
  [
    'no longer minds a date that is past',
    { ...bar, holidays: ['2020-01-01'] },
    '2026-01-16T22:00Z',
    'open until 2026-01-17T03:00Z',
  ],
]

const sunday = (text: string) => ({ schedule: { sunday: ranges(text) } })

// On 2026-03-29 01:00 UTC from 01:00 to 02:00, on 2026-10-25 01:00 UTC from 02:00 to 01:00: both are Sundays.
const london: Case[] = [
  [
    'opens by the clock on the day before spring',
    { schedule: daily('09:00-17:00') },
    '2026-03-28T08:00Z',
    'closed until 2026-03-28T09:00Z',
  ],
  [
    'opens an hour earlier by UTC in spring',
    { schedule: daily('09:00-17:00') },
    '2026-03-28T17:00Z',
    'closed until 2026-03-29T08:00Z',
  ],
  [
    'opens an hour later by UTC in autumn',
    { schedule: daily('09:00-17:00') },
    '2026-10-24T16:00Z',
    'closed until 2026-10-25T09:00Z',
  ],
  ['opens and closes by summer time', bar, '2026-06-05T21:30Z', 'open until 2026-06-06T02:00Z'],
  [
    'has a night of an hour less in spring',
    { schedule: { saturday: ranges('22:00-03:00') } },
    '2026-03-28T22:00Z',
    'open until 2026-03-29T02:00Z',
  ],
  [
    'has a night of an hour more in autumn',
    { schedule: { saturday: ranges('22:00-03:00') } },
    '2026-10-24T21:00Z',
    'open until 2026-10-25T03:00Z',
  ],
  [
    'opens at the leap where its opening is leapt over',
    sunday('01:30-05:00'),
    '2026-03-29T00:59:59.999Z',
    'closed until 2026-03-29T01:00Z',
  ],
  [
    'is open right after the leap where its opening is leapt over',
    sunday('01:30-05:00'),
    '2026-03-29T01:00Z',
    'open until 2026-03-29T04:00Z',
  ],
  [
    'closes at the leap where its closing is leapt over',
    sunday('00:15-01:30'),
    '2026-03-29T00:30Z',
    'open until 2026-03-29T01:00Z',
  ],
  [
    'keeps what the leap leaves of a range',
    sunday('01:30-02:15'),
    '2026-03-29T00:00Z',
    'closed until 2026-03-29T01:00Z',
  ],
  ['has no range that is leapt over', sunday('01:10-01:50'), '2026-03-29T00:00Z', 'closed until 2026-04-05T00:10Z'],
  [
    'has no break that is leapt over',
    sunday('00:00-01:10 01:50-05:00'),
    '2026-03-29T00:30Z',
    'open until 2026-03-29T04:00Z',
  ],
  ['opens at the first of two times', sunday('01:30-05:00'), '2026-10-25T00:00Z', 'closed until 2026-10-25T00:30Z'],
  [
    'stays open when its opening comes again',
    sunday('01:30-05:00'),
    '2026-10-25T01:10Z',
    'open until 2026-10-25T05:00Z',
  ],
  ['closes at the second of two times', sunday('00:00-01:30'), '2026-10-25T00:30Z', 'open until 2026-10-25T01:30Z'],
  [
    'does not open again when a time of the past comes again',
    sunday('00:00-01:00'),
    '2026-10-24T23:30Z',
    'open until 2026-10-25T00:00Z',
  ],
  [
    'closes at the end of the hour that comes twice',
    sunday('00:00-02:00'),
    '2026-10-25T00:30Z',
    'open until 2026-10-25T02:00Z',
  ],
  [
    'has no break between times that come twice',
    sunday('00:00-01:15 01:45-05:00'),
    '2026-10-25T00:00Z',
    'open until 2026-10-25T05:00Z',
  ],
  ['has a day of 23 hours in spring', sunday('00:00-24:00'), '2026-03-29T12:00Z', 'open until 2026-03-29T23:00Z'],
  ['has a day of 25 hours in autumn', sunday('00:00-24:00'), '2026-10-24T23:00Z', 'open until 2026-10-26T00:00Z'],
  ['is open day and night through both changes', allDay, '2026-03-29T01:00Z', 'open'],
]

// On 2026-03-08 07:00 UTC from 02:00 to 03:00, on 2026-11-01 06:00 UTC from 02:00 to 01:00: both are Sundays.
const newYork: Case[] = [
  [
    'opens at 14:00 UTC before spring',
    { schedule: daily('09:00-17:00') },
    '2026-03-07T13:00Z',
    'closed until 2026-03-07T14:00Z',
  ],
  [
    'opens at 13:00 UTC in spring',
    { schedule: daily('09:00-17:00') },
    '2026-03-07T22:00Z',
    'closed until 2026-03-08T13:00Z',
  ],
  [
    'opens at 14:00 UTC again in autumn',
    { schedule: daily('09:00-17:00') },
    '2026-10-31T21:00Z',
    'closed until 2026-11-01T14:00Z',
  ],
  [
    'opens at the leap where its opening is leapt over',
    sunday('02:30-06:00'),
    '2026-03-08T06:00Z',
    'closed until 2026-03-08T07:00Z',
  ],
  [
    'closes at the leap where its closing is leapt over',
    { schedule: { saturday: ranges('20:00-02:30') } },
    '2026-03-08T06:00Z',
    'open until 2026-03-08T07:00Z',
  ],
  ['opens at the first of two times', sunday('01:30-05:00'), '2026-11-01T05:00Z', 'closed until 2026-11-01T05:30Z'],
  [
    'closes at the second of two times',
    { schedule: { saturday: ranges('20:00-01:30') } },
    '2026-11-01T05:45Z',
    'open until 2026-11-01T06:30Z',
  ],
  [
    'closes when 01:00 first comes',
    { schedule: { saturday: ranges('20:00-01:00') } },
    '2026-11-01T04:30Z',
    'open until 2026-11-01T05:00Z',
  ],
  [
    'has the date of its own clocks on a holiday',
    { schedule: daily('18:00-23:00'), holidays: ['2026-07-04'] },
    '2026-07-05T01:00Z',
    'closed until 2026-07-05T22:00Z',
  ],
]

const kathmandu: Case[] = [
  [
    'opens at 03:15 UTC',
    { schedule: daily('09:00-17:00') },
    '2026-03-29T03:14:59.999Z',
    'closed until 2026-03-29T03:15Z',
  ],
  [
    'closes at 11:15 UTC, in July as in January',
    { schedule: daily('09:00-17:00') },
    '2026-07-12T11:00Z',
    'open until 2026-07-12T11:15Z',
  ],
  [
    'begins its day at 18:15 UTC',
    { schedule: { monday: ranges('00:00-06:00') } },
    '2026-01-11T18:14Z',
    'closed until 2026-01-11T18:15Z',
  ],
  [
    'has its own year',
    { schedule: {}, special: { '2027-01-01': '00:00-01:00' } },
    '2026-12-31T18:30Z',
    'open until 2026-12-31T19:15Z',
  ],
]

// On 2026-04-04 15:00 UTC from 02:00 to 01:30, on 2026-10-03 15:30 UTC from 02:00 to 02:30.
const lordHowe: Case[] = [
  ['opens at the leap of half an hour', sunday('02:15-05:00'), '2026-10-03T15:00Z', 'closed until 2026-10-03T15:30Z'],
  ['opens by the clock after the leap', sunday('02:45-05:00'), '2026-10-03T15:30Z', 'closed until 2026-10-03T15:45Z'],
  ['opens at the first of two times', sunday('01:45-05:00'), '2026-04-04T14:30Z', 'closed until 2026-04-04T14:45Z'],
  ['closes at the second of two times', sunday('00:00-01:45'), '2026-04-04T14:50Z', 'open until 2026-04-04T15:15Z'],
]

// On 2026-03-29 01:00 UTC from 23:00 to 24:00: the last hour of that Saturday is the one that is missing.
const nuuk: Case[] = [
  [
    'opens at midnight where the hour before is leapt over',
    { schedule: { saturday: ranges('23:30-02:00') } },
    '2026-03-29T00:30Z',
    'closed until 2026-03-29T01:00Z',
  ],
  [
    'closes at midnight where the hour before is leapt over',
    { schedule: { saturday: ranges('12:00-24:00') } },
    '2026-03-29T00:30Z',
    'open until 2026-03-29T01:00Z',
  ],
]

describe('a business', () => {
  test.each([...ordinary, ...overMidnight, ...dates])('with hours by UTC %s', (...each) => check('UTC', each))
  test.each(london)('in London %s', (...each) => check('Europe/London', each))
  test.each(newYork)('in New York %s', (...each) => check('America/New_York', each))
  test.each(kathmandu)('in Kathmandu %s', (...each) => check('Asia/Kathmandu', each))
  test.each(lordHowe)('on Lord Howe Island %s', (...each) => check('Australia/Lord_Howe', each))
  test.each(nuuk)('in Nuuk %s', (...each) => check('America/Nuuk', each))

  test('is always open while it has set no hours', () => {
    expect(hoursStatus(null, new Date())).toEqual({ isOpen: true, nextOpeningAt: null, nextClosingAt: null })
  })

  test('has the hours that it tells, whether they are enforced or not', () => {
    const hours = hoursIn('UTC', nineToFive)
    const now = new Date('2026-01-12T18:00Z')
    expect(hoursStatus({ ...hours, enforced: false }, now)).toEqual(hoursStatus({ ...hours, enforced: true }, now))
  })
})

/** Eight days about a change of the clocks, minute by minute: what they show, in minutes since 1970 as if it were UTC. */
const clocks = (timeZone: string, change: string): { start: number; shown: number[] } => {
  const start = Date.parse(change) / minute - 4 * 1_440
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  const show = (at: number): number => {
    const [month, date, year, hour, minutes] =
      format
        .format(at * minute)
        .match(/\d+/g)
        ?.map(Number) ?? []
    return Date.UTC(year ?? 0, (month ?? 0) - 1, date, hour, minutes) / minute
  }
  return { start, shown: Array.from({ length: 8 * 1_440 }, (_, index) => show(start + index)) }
}

/** For each of these minutes whether it is open: from the first to the last one at which the clocks show a time of a range. */
const openMinutes = (hours: BusinessHours, shown: readonly number[]): boolean[] => {
  const open = shown.map(() => false)
  for (const midnight of new Set(shown.map(local => local - (local % 1_440)))) {
    const date = new Date(midnight * minute)
    const iso = date.toISOString().slice(0, 10)
    const ofWeek = hours.holidays.includes(iso) ? [] : hours.schedule[days[date.getUTCDay()] ?? 'sunday']
    for (const range of hours.specialHours[iso] ?? ofWeek ?? []) {
      const [from = 0, close = 0] = [range.open, range.close].map(
        time => midnight + Number(time.slice(0, 2)) * 60 + Number(time.slice(3)),
      )
      const until = close <= from ? close + 1_440 : close
      const isShown = (local: number): boolean => from <= local && local < until
      const first = shown.findIndex(isShown)
      if (first >= 0) open.fill(true, first, shown.findLastIndex(isShown) + 1)
    }
  }
  return open
}

const changes: [zone: string, change: string][] = [
  ['Europe/London', '2026-03-29T01:00Z'],
  ['Europe/London', '2026-10-25T01:00Z'],
  ['America/New_York', '2026-03-08T07:00Z'],
  ['America/New_York', '2026-11-01T06:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30Z'],
  ['Pacific/Chatham', '2026-04-04T14:00Z'],
  ['America/Santiago', '2026-04-05T03:00Z'],
  ['America/Santiago', '2026-09-06T04:00Z'],
  ['America/Nuuk', '2026-03-29T01:00Z'],
  ['Antarctica/Troll', '2026-03-29T01:00Z'],
  ['Asia/Kathmandu', '2026-01-01T00:00Z'],
]
const allClocks = changes.map(([zone, change]) => ({ zone, ...clocks(zone, change) }))

const timeOf = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`

/** Mostly at a quarter in the night, where clocks change. */
const anyTime = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 20 }).map(quarter => quarter * 15) },
  fc.integer({ min: 0, max: 1_439 }),
)

/** A day cut into pieces, of which some are open; the last one may last into the next day. */
const anyRanges = fc
  .record({
    cuts: fc.uniqueArray(anyTime, { maxLength: 7 }).map(cuts => cuts.toSorted((one, other) => one - other)),
    isOpen: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    last: fc.option(fc.oneof(fc.constant(1_440), anyTime)),
  })
  .map(({ cuts, isOpen, last }) => {
    const pieces = cuts.map((open, index) => ({ open, close: cuts[index + 1] ?? null, isOpen: isOpen[index] ?? true }))
    return pieces.flatMap(piece => {
      if (!piece.isOpen) return []
      const close = piece.close ?? (last === null || (last > piece.open && last < 1_440) ? null : last)
      return close === null ? [] : [{ open: timeOf(piece.open), close: timeOf(close) }]
    })
  })

const anyHours = (timezone: string, start: number) => {
  const anyDate = fc
    .integer({ min: 0, max: 8 })
    .map(index => new Date((start + index * 1_440) * minute).toISOString().slice(0, 10))
  return fc
    .record({
      schedule: fc.record(Object.fromEntries(days.map(name => [name, anyRanges])), { requiredKeys: [] }),
      holidays: fc.array(anyDate, { maxLength: 2 }),
      specialHours: fc.dictionary(anyDate, anyRanges, { maxKeys: 2 }),
    })
    .map(hours => BusinessHours.parse({ timezone, ...hours }))
}

const anyCase = fc.constantFrom(...allClocks).chain(({ zone, start, shown }) =>
  fc.record({
    hours: anyHours(zone, start),
    start: fc.constant(start),
    shown: fc.constant(shown),
    // Two days from either end, so that whatever is open then, and what changes next, is seen.
    index: fc.oneof(
      fc.integer({ min: 2 * 1_440, max: 6 * 1_440 }),
      fc.integer({ min: 4 * 1_440 - 180, max: 4 * 1_440 + 180 }),
    ),
    ms: fc.oneof(fc.constantFrom(0, minute - 1), fc.integer({ min: 0, max: minute - 1 })),
  }),
)

describe('what a business tells of its hours', () => {
  test('is what the clocks of its zone say, read minute by minute', () => {
    const seen = { open: 0, closed: 0, changes: 0 }
    fc.assert(
      fc.property(anyCase, ({ hours, start, shown, index, ms }) => {
        const open = openMinutes(hours, shown)
        const isOpen = open[index] === true
        const status = hoursStatus(hours, new Date((start + index) * minute + ms))
        expect(status.isOpen).toBe(isOpen)
        expect(isOpen ? status.nextOpeningAt : status.nextClosingAt).toBeNull()

        const told = isOpen ? status.nextClosingAt : status.nextOpeningAt
        const change = open.findIndex((each, at) => at > index && each !== isOpen)
        const seenUntil = 6 * 1_440
        if (change >= 0 && change <= seenUntil) expect(told).toBe(new Date((start + change) * minute).toISOString())
        else expect(told === null || Date.parse(told) > (start + seenUntil) * minute).toBe(true)

        seen[isOpen ? 'open' : 'closed'] += 1
        if (change >= 0) seen.changes += 1
      }),
      { numRuns: 500 },
    )
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(50)
  })

  test('is followed by its opposite, from the very millisecond that it tells', () => {
    fc.assert(
      fc.property(anyCase, ({ hours, start, index, ms }) => {
        let now = new Date((start + index) * minute + ms)
        for (let hops = 0; hops < 12; hops += 1) {
          const status = hoursStatus(hours, now)
          const told = status.nextClosingAt ?? status.nextOpeningAt
          if (!told) return
          const change = new Date(told)
          expect(change.getTime()).toBeGreaterThan(now.getTime())
          expect(hoursStatus(hours, new Date(change.getTime() - 1))).toEqual(status)
          expect(hoursStatus(hours, change).isOpen).toBe(!status.isOpen)
          now = change
        }
      }),
      { numRuns: 100 },
    )
  })

  test('has the shape that is documented', () => {
    for (const [, given, now] of [...ordinary, ...dates]) {
      const status = hoursStatus(hoursIn('UTC', given), new Date(now))
      expect(HoursStatus.parse(status)).toEqual(status)
    }
  })
})
