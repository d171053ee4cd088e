import { DateTime } from 'luxon'
import type { QuietHours } from './preferences.schema.ts'

/**
 * Whether the clocks of the user's zone show a time of their quiet hours. Where they are put back, a time that they show twice
 * counts twice; what they leap over does not come.
 */
export const isQuiet = ({ from, to, timezone }: QuietHours, now: Date): boolean => {
  const time = DateTime.fromJSDate(now, { zone: timezone }).toFormat('HH:mm')
  return from < to ? from <= time && time < to : from <= time || time < to
}
