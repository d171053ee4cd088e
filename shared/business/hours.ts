import { DateTime } from 'luxon'
import { type BusinessHours, type HoursStatus, inOrder, type Range } from './hours.schema.ts'

const minute = 60_000
const day = 24 * 60 * minute
const daysAhead = 366

/** As JavaScript counts them. */
const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const

/** What a zone's clocks show, without the zone: the epoch ms of the moment at which UTC's clocks show the same. */
type LocalTime = number

/** `from` inclusive, `to` exclusive. */
interface Opening {
  from: LocalTime
  to: LocalTime
}

const localTimeOf = (moment: DateTime): LocalTime => moment.setZone('utc', { keepLocalTime: true }).toMillis()

/**
 * From when to when (epoch ms) a zone's clocks show a minute. One that they show twice, because they were put back, lasts from
 * the start of the first to the end of the second. One that they leap over, because they were put forward, lasts no time: both
 * are the moment of the leap.
 */
const showing = (local: LocalTime, zone: string): { from: number; until: number } => {
  const moment: DateTime = DateTime.fromMillis(local, { zone: 'utc' }).setZone(zone, { keepLocalTime: true })
  if (localTimeOf(moment) !== local) {
    // Luxon moves it past the leap, by as much as the clocks leap.
    let leap = moment
    while (leap.minus({ minutes: 1 }).offset === moment.offset) leap = leap.minus({ minutes: 1 })
    return { from: leap.toMillis(), until: leap.toMillis() }
  }
  const starts = moment.getPossibleOffsets().map(possible => possible.toMillis())
  return { from: Math.min(...starts), until: Math.max(...starts) + minute }
}

const opensAt = ({ from }: Opening, zone: string): number => showing(from, zone).from
const closesAt = ({ to }: Opening, zone: string): number => showing(to - minute, zone).until

const rangesOn = (hours: BusinessHours, midnight: LocalTime): readonly Range[] => {
  const date = new Date(midnight).toISOString().slice(0, 10)
  const special = hours.specialHours[date]
  if (special) return special
  const weekday = weekdays[new Date(midnight).getUTCDay()]
  return (weekday && !hours.holidays.includes(date) && hours.schedule[weekday]) || []
}

const timeOfDay = (time: string): number => (Number(time.slice(0, 2)) * 60 + Number(time.slice(3))) * minute

const toOpening = ({ open, close }: Range, midnight: LocalTime): Opening => ({
  from: midnight + timeOfDay(open),
  to: midnight + timeOfDay(close) + (close > open ? 0 : day),
})

/** What opens from the day before today until `daysAhead`, in order; what overlaps or touches is one opening. */
function* openings(hours: BusinessHours, today: LocalTime): Generator<Opening> {
  let current: Opening | undefined
  for (let midnight = today - day; midnight <= today + daysAhead * day; midnight += day) {
    for (const range of inOrder(rangesOn(hours, midnight))) {
      const next = toOpening(range, midnight)
      if (!current) current = next
      // Where the clocks change, a break may be leapt over, or end before the range ahead of it does.
      else if (next.from <= current.to || opensAt(next, hours.timezone) <= closesAt(current, hours.timezone))
        current = { from: current.from, to: Math.max(current.to, next.to) }
      else {
        yield current
        current = next
      }
    }
  }
  if (current) yield current
}

const toIso = (time: number): string => new Date(time).toISOString()

/**
 * Whether a business is open, and when that changes next; null when that is not before the end of the 366th day after today,
 * which is its time zone's. Without hours it is always open. What overlaps or touches, also at midnight, is one opening.
 *
 * A range lasts from the first to the last moment at which the zone's clocks show a time of it. So where they are put forward
 * from 01:00 to 02:00, an opening at 01:30 is at 02:00, and a closing at 01:30 at what would have been 01:00. Where they are put
 * back from 02:00 to 01:00, an opening at 01:30 is at the first and a closing at 01:30 at the second, a closing at 01:00 still at
 * the first (no time before it comes again), and a break between times that come twice is none.
 */
export const hoursStatus = (hours: BusinessHours | null, now: Date): HoursStatus => {
  if (!hours) return { isOpen: true, nextOpeningAt: null, nextClosingAt: null }
  const zone = hours.timezone
  const localNow = localTimeOf(DateTime.fromJSDate(now, { zone }))
  const today = localNow - (localNow % day)
  for (const opening of openings(hours, today)) {
    const closes = closesAt(opening, zone)
    const opens = opensAt(opening, zone)
    // The clocks may leap over all of it.
    if (closes <= now.getTime() || closes === opens) continue
    if (opens > now.getTime()) return { isOpen: false, nextOpeningAt: toIso(opens), nextClosingAt: null }
    const isFarOff = opening.to >= today + (daysAhead + 1) * day
    return { isOpen: true, nextOpeningAt: null, nextClosingAt: isFarOff ? null : toIso(closes) }
  }
  return { isOpen: false, nextOpeningAt: null, nextClosingAt: null }
}
