import type { Remainder } from './remainder.ts'

/**
 * How far the end of a day may be above its beginning, both after a rest in which nobody was there. Before the beginning the same people
 * have lived for a minute, so that every function has loaded its code, opened its connections and filled its caches.
 *
 * - Heap: what is alive in the host and its two dozen functions after garbage was collected. After a minute caches are not full, and what
 *   was not called yet is not compiled: with 100 people it grew by 24 MB in the next. 64 MB are less than what 100 bytes come to that are kept of
 *   each frame in ten minutes of 2,000 people (760,000 frames).
 *   With outages 240 MB more: a function that logs an error with its stack keeps its source map, some 20 MB of them for a bundle of 1 MB
 *   (`--enable-source-maps`). After an hour of them it was 180 MB more; `npm run load` is the one that finds what leaks slowly.
 * - Resident memory: V8 and malloc keep pages of the busiest moment, which a minute has not seen: a half.
 * - Redis: keys are of users and conversations that were there at the beginning, and all of them end; but lists are kept for five minutes, of
 *   which the beginning has seen one: with 2,000 people it went from 9 to 19 MB. As much again and 4 MB.
 * - Redis clients: an environment keeps its connection for its life, and a few first work in the day itself: four.
 * - Postgres backends: pools close what was idle for 10 s, so what is left is of jobs that run by themselves: four.
 */
export const allowedGrowth = {
  heapMb: (before: number, hadOutages: boolean) => before + 64 + (hadOutages ? 240 : 0),
  hostMb: (before: number) => before * 1.5,
  redisMb: (before: number) => before * 2 + 4,
  redisClients: (before: number) => before + 4,
  postgresBackends: (before: number) => before + 4,
} as const

const titles: Record<keyof typeof allowedGrowth, string> = {
  heapMb: 'MB in the heaps of the host',
  hostMb: 'MB of resident memory of the host',
  redisMb: 'MB in Redis',
  redisClients: 'clients of Redis',
  postgresBackends: 'backends of Postgres',
}

/** What is there at the end, and was not at the beginning; empty when nothing is. What could not be measured is told, too. */
export const growthBetween = (before: Remainder, after: Remainder, hadOutages: boolean): string[] => {
  const complaints: string[] = []
  if (after.sockets !== 0) complaints.push(`${after.sockets} sockets are still open`)
  if (after.registered !== 0) complaints.push(`Redis still knows connections of ${after.registered} users`)
  if (after.endless !== 0) complaints.push(`${after.endless} keys of Redis have no end`)
  for (const name of Object.keys(allowedGrowth) as (keyof typeof allowedGrowth)[]) {
    const most = allowedGrowth[name](before[name], hadOutages)
    if (!(after[name] <= most)) {
      complaints.push(
        `${titles[name]}: ${before[name].toFixed(0)} before, ${after[name].toFixed(0)} after, ${most.toFixed(0)} at most`,
      )
    }
  }
  return complaints
}
