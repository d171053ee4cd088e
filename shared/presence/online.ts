import type { Cluster } from 'ioredis'
import { bucketOf, keys, timeToLive } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import type { Presence } from './presence.schema.ts'
import type { PresenceSettings } from './settings.ts'

/** A frame brought the score, or a socket that closed: then the later time is in `last-seen`. */
const lastSeenOf = (score: number | null, stored: number | null, { afterFrameMs }: PresenceSettings): number | null =>
  score === null ? stored : Math.max(stored ?? 0, score - afterFrameMs)

const numberOrNull = (reply: unknown): number | null => (reply === null ? null : Number(reply))

/** Exact: whoever ran out a moment ago is offline, whether others have been told or not. One round trip. */
export const readPresence = async (
  redis: Cluster,
  settings: PresenceSettings,
  userIds: readonly string[],
  now: Date,
): Promise<Presence[]> => {
  const pipeline = redis.pipeline()
  for (const userId of userIds) pipeline.zscore(keys.online(bucketOf(userId)), userId).get(keys.lastSeen(userId))
  const replies = await runPipeline(pipeline)
  return userIds.map((userId, index) => {
    const score = numberOrNull(replies[index * 2])
    if (score !== null && score > now.getTime()) return { userId, status: 'online', lastSeenAt: null }
    const lastSeen = lastSeenOf(score, numberOrNull(replies[index * 2 + 1]), settings)
    return { userId, status: 'offline', lastSeenAt: lastSeen === null ? null : new Date(lastSeen).toISOString() }
  })
}

/**
 * Moves users who ran out from `online` to `going-offline`, where they are the caller's for a while, as "user score". Whom an
 * earlier caller has had for too long is taken over, unless they have come online since. Both keys lie in one slot.
 */
const takeScript = `
local taken = {}
for _, claim in ipairs(redis.call('zrange', KEYS[2], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[3])) do
  if redis.call('zscore', KEYS[1], string.match(claim, '^%S+')) then redis.call('zrem', KEYS[2], claim)
  else table.insert(taken, claim) end
end
local due = redis.call('zrange', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[3] - #taken, 'WITHSCORES')
for at = 1, #due, 2 do
  redis.call('zrem', KEYS[1], due[at])
  table.insert(taken, due[at] .. ' ' .. due[at + 1])
end
for _, claim in ipairs(taken) do redis.call('zadd', KEYS[2], ARGV[2], claim) end
redis.call('expire', KEYS[2], ARGV[4])
return taken`

/** Raises the time, never lowers it; returns what it is now. */
const sawScript = `
local known = redis.call('get', KEYS[1])
if known and tonumber(known) >= tonumber(ARGV[1]) then return known end
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]`

/** Telling a batch takes seconds at the very worst; whoever has it for longer has died. */
const claimMs = 30_000

export interface WentOffline {
  userId: string
  lastSeenAt: Date
  /** For `settleOffline`. */
  claim: string
}

/**
 * Takes up to `limit` users of a bucket who are no longer online, notes when they were last seen, and forgets that they were
 * online: their next frame makes them come online anew. Each is given to one caller, until that one has settled them or 30 s
 * have gone by: then they are given again. One round trip, a second one when there is somebody.
 */
export const takeOffline = async (
  redis: Cluster,
  settings: PresenceSettings,
  { bucket, now, limit }: { bucket: number; now: Date; limit: number },
): Promise<WentOffline[]> => {
  const time = now.getTime()
  const [claims] = (await runPipeline(
    redis
      .pipeline()
      .eval(
        takeScript,
        2,
        keys.online(bucket),
        keys.goingOffline(bucket),
        time,
        time + claimMs,
        limit,
        timeToLive.online,
      ),
  )) as [string[]]
  if (claims.length === 0) return []
  const taken = claims.map(claim => {
    const [userId = '', score] = claim.split(' ')
    return { claim, userId, lastFrame: Number(score) - settings.afterFrameMs }
  })
  const pipeline = redis.pipeline()
  for (const { userId, lastFrame } of taken) {
    pipeline.eval(sawScript, 1, keys.lastSeen(userId), lastFrame, timeToLive.lastSeen)
  }
  const lastSeen = await runPipeline(pipeline)
  return taken.map(({ claim, userId }, index) => ({ claim, userId, lastSeenAt: new Date(Number(lastSeen[index])) }))
}

/** Notes that everybody was told of these users. One round trip. */
export const settleOffline = async (redis: Cluster, bucket: number, users: readonly WentOffline[]): Promise<void> => {
  await runPipeline(redis.pipeline().zrem(keys.goingOffline(bucket), ...users.map(({ claim }) => claim)))
}
