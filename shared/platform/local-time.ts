import { IANAZone } from 'luxon'
import * as z from 'zod'

/** Node also takes offsets (`+05:45`) for zones. They know no daylight saving time, and are no IANA names. */
const isZoneName = (name: string): boolean => /^[a-z]/i.test(name) && IANAZone.isValidZone(name)

export const TimeZone = z.string().max(64).refine(isZoneName, { error: 'An IANA time zone, such as Europe/London' })

/** 00:00 to 23:59. */
export const TimeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'A time of day: HH:MM' })
