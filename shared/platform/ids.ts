import { v7 } from 'uuid'
import * as z from 'zod'
import type { Clock } from './clock.ts'

/** Any UUID, in lower case, the form in which Postgres hands them out: so ids can be compared as strings. */
export const Id = z.uuid().toLowerCase()

/** A UUIDv7: its first 48 bits are the milliseconds since 1970 at which it was minted (RFC 9562, 5.7). */
export const TimeOrderedId = z.uuidv7().toLowerCase()

export const newId = (clock: Clock): string => v7({ msecs: clock.now().getTime() })

/** When a UUIDv7 was minted, in milliseconds since 1970. */
export const idTime = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)

/** The smallest UUID that a UUIDv7 minted at this time, or later, can have. */
export const lowestIdAt = (time: Date): string => {
  const hex = time.getTime().toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}
