import * as z from 'zod'
import { TimeOfDay, TimeZone } from '../platform/local-time.ts'

const maxRangesOfDay = 10
const maxDates = 400

const Close = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { error: 'A time of day: HH:MM, 24:00 for the end of the day' })

/**
 * From `open` until just before `close`. A `close` that is not after its `open` is a time of the next day: 22:00 to 03:00 crosses
 * midnight, and 09:00 to 09:00 lasts 24 hours. The range belongs to the day on which it opens.
 */
export const Range = z.strictObject({ open: TimeOfDay, close: Close })
export type Range = z.output<typeof Range>

export const inOrder = (ranges: readonly Range[]): Range[] =>
  ranges.toSorted((one, other) => one.open.localeCompare(other.open))

const areApart = (ranges: readonly Range[]): boolean =>
  inOrder(ranges).every(({ open, close }, index, sorted) => {
    const next = sorted[index + 1]
    return !next || (open < close && close <= next.open)
  })

/** In any order. They may touch; what lies between them is a break. None: closed. */
const Ranges = z.array(Range).max(maxRangesOfDay).refine(areApart, { error: 'Two ranges of a day overlap' })

const notADate = 'A date: YYYY-MM-DD'
const CalendarDate = z.iso.date({ error: notADate })

/** A day that is missing is closed. */
export const Week = z.strictObject({
  monday: Ranges.optional(),
  tuesday: Ranges.optional(),
  wednesday: Ranges.optional(),
  thursday: Ranges.optional(),
  friday: Ranges.optional(),
  saturday: Ranges.optional(),
  sunday: Ranges.optional(),
})

/** As a business sets them; whoever sets them replaces all of them. Dates, days and times are those of its time zone. */
export const BusinessHours = z.strictObject({
  timezone: TimeZone,
  schedule: Week,
  /** Closed, whatever the week says. */
  holidays: z.array(CalendarDate).max(maxDates).default([]),
  /** Instead of the week; and of a holiday on the same date, because a date with hours of its own says more. */
  specialHours: z
    .record(CalendarDate, Ranges, { error: ({ code }) => (code === 'invalid_key' ? notADate : undefined) })
    .refine(dates => Object.keys(dates).length <= maxDates, { error: `At most ${maxDates} dates` })
    .default({}),
  /** Whether chats wait in the queue while it is closed. */
  enforced: z.boolean().default(true),
})
export type BusinessHours = z.output<typeof BusinessHours>

export const HoursStatus = z.object({
  isOpen: z.boolean(),
  /** Null while open, and when there is none within 366 days. */
  nextOpeningAt: z.iso.datetime().nullable(),
  /** Null while closed, and when there is none within 366 days. */
  nextClosingAt: z.iso.datetime().nullable(),
})
export type HoursStatus = z.output<typeof HoursStatus>
