import * as z from 'zod'

const hourMs = 60 * 60 * 1000
const minuteMs = 60 * 1000

/** In milliseconds. */
export interface ProfileLifetimes {
  /** A profile is shown as fresh for this long … */
  readonly fresh: number
  /** … and kept this much longer, for when the main service can't be asked. */
  readonly stale: number
}

export const profileLifetimes: ProfileLifetimes = { fresh: 24 * hourMs, stale: 7 * 24 * hourMs }

/** From 20 of its 24 hours on it is fetched in the background, so that nobody who uses it has to wait. */
const ageingFrom = 20 / 24

/**
 * An id that an answer lacks is unknown, or the answer is partial, which looks the same. It is asked for again after as long as
 * it has been missing: soon when that is new, and every five minutes when it stays so.
 */
const shortestMissingMs = 30 * 1000
export const longestMissingMs = 5 * minuteMs

/** What an answer of the main service said of one profile. Times are in milliseconds since 1970. */
export const Entry = z.object({
  /** The newest that is known; null when nothing ever was. */
  profile: z.object({ name: z.string(), avatarUrl: z.string().nullable() }).nullable(),
  askedAt: z.number(),
  /** Since when answers lack it; null when the last one had it. */
  missingSince: z.number().nullable(),
  /** The mark of the newest change that was known when it was asked for. */
  change: z.string(),
})
export type Entry = z.output<typeof Entry>

/** An entry as it is found, and the mark of the newest change by now. */
export interface Found {
  entry: Entry | undefined
  change: string
}

/** How long the answer holds before the main service is asked again. */
const holdsMs = ({ askedAt, missingSince }: Entry, { fresh }: ProfileLifetimes): number =>
  missingSince === null ? fresh : Math.min(Math.max(askedAt - missingSince, shortestMissingMs), longestMissingMs)

/** Nothing is known, or something has changed since, or the answer is too old. */
export const isDue = ({ entry, change }: Found, now: Date, lifetimes: ProfileLifetimes): boolean =>
  !entry || entry.change !== change || now.getTime() - entry.askedAt >= holdsMs(entry, lifetimes)

/** What the main service would say now, as far as anybody knows. */
export const isFresh = (found: Found, now: Date, lifetimes: ProfileLifetimes): boolean =>
  found.entry?.missingSince === null && !isDue(found, now, lifetimes)

/** Fresh, but not for long. */
export const isAgeing = (found: Found, now: Date, lifetimes: ProfileLifetimes): boolean =>
  isFresh(found, now, lifetimes) && now.getTime() - (found.entry?.askedAt ?? 0) >= ageingFrom * lifetimes.fresh

/** What an answer makes of an entry: what it lacks stays as it was known. */
export const entryAfter = ({ entry, change }: Found, answered: Entry['profile'] | undefined, now: Date): Entry => {
  const askedAt = now.getTime()
  return answered
    ? { profile: answered, askedAt, missingSince: null, change }
    : { profile: entry?.profile ?? null, askedAt, missingSince: entry?.missingSince ?? askedAt, change }
}
