import { randomUUID } from 'node:crypto'
import type { Cluster } from 'ioredis'
import { callRedis } from '../redis/call.ts'
import { parseKept } from '../redis/kept.ts'
import { keys } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import { Entry, type Found, longestMissingMs, type ProfileLifetimes } from './entry.ts'
import type { Subject } from './profiles.schema.ts'

/**
 * The one place where names and avatars are kept. A profile is a hash of two fields: what the main service said (`entry`), and
 * the mark of the newest change that it told of (`change`). An entry carries the mark that was there before it was asked for, so
 * an answer that was on its way while the profile changed never counts as fresh.
 */

/** Writes a field, and lets the hash live for at least so long. */
const setScript = `
redis.call('hset', KEYS[1], ARGV[1], ARGV[2])
if redis.call('pttl', KEYS[1]) < tonumber(ARGV[3]) then redis.call('pexpire', KEYS[1], ARGV[3]) end`

/** A mark of somebody who is not in the cache matters only to answers that are on their way. */
const changeMs = 60 * 1000
/** The absence is remembered until it has been asked for again. */
const missingMs = 2 * longestMissingMs
const claimMs = 10 * 60 * 1000

const profileKey = ({ kind, id }: Subject): string => keys.profile(kind, id)

/** What is kept of each of these, in their order. One round trip; rejects with `store_unavailable`. */
export const readProfiles = async (redis: Cluster, subjects: readonly Subject[]): Promise<Found[]> => {
  const pipeline = redis.pipeline()
  for (const subject of subjects) pipeline.hmget(profileKey(subject), 'entry', 'change')
  const replies = (await runPipeline(pipeline)) as [string | null, string | null][]
  return replies.map(([entry, change]) => ({ entry: parseKept(Entry, entry), change: change ?? '' }))
}

/** One round trip; rejects with `store_unavailable`. */
export const storeProfiles = async (
  redis: Cluster,
  entries: readonly { subject: Subject; entry: Entry }[],
  { fresh, stale }: ProfileLifetimes,
): Promise<void> => {
  const pipeline = redis.pipeline()
  for (const { subject, entry } of entries) {
    const livesMs = entry.missingSince === null ? fresh + stale : missingMs
    pipeline.eval(setScript, 1, profileKey(subject), 'entry', JSON.stringify(entry), livesMs)
  }
  await runPipeline(pipeline)
}

/** From now on nothing that was asked for before counts as fresh. One round trip; rejects with `store_unavailable`. */
export const markChanged = async (redis: Cluster, subject: Subject): Promise<void> => {
  await callRedis(redis, () => redis.eval(setScript, 1, profileKey(subject), 'change', randomUUID(), changeMs))
}

/** Those of these that nobody has taken on within the last ten minutes. One round trip; rejects with `store_unavailable`. */
export const claimRefresh = async (redis: Cluster, subjects: readonly Subject[]): Promise<Subject[]> => {
  const pipeline = redis.pipeline()
  for (const { kind, id } of subjects) pipeline.set(keys.done(`refresh ${kind} ${id}`), '1', 'PX', claimMs, 'NX')
  const replies = await runPipeline(pipeline)
  return subjects.filter((_, index) => replies[index] === 'OK')
}
