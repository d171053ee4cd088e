import type { Cluster } from 'ioredis'
import { callRedis } from '../redis/call.ts'
import { bucketOf, keys, timeToLive } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import type { RoundTrip } from '../redis/round-trip.ts'

/**
 * Takes back the mark when the acknowledged position has passed it, and tells how many are left; -1 when it has not. With a send at
 * the very same moment its mark can be lost: the sweep's look into Postgres finds what that leaves.
 */
const acknowledgeScript = `
local first = tonumber(redis.call('hget', KEYS[1], ARGV[1]))
if not first or first > tonumber(ARGV[2]) then return -1 end
if tonumber(ARGV[2]) >= tonumber(ARGV[3]) then redis.call('hdel', KEYS[1], ARGV[1])
else redis.call('hset', KEYS[1], ARGV[1], tonumber(ARGV[2]) + 1) end
return redis.call('hlen', KEYS[1])`

export interface Acknowledged {
  conversationId: string
  /** The position up to which the user has everything. */
  seq: number
  /** The newest position of the conversation. */
  lastSeq: number
}

/**
 * Takes a user's marks back up to what they have acknowledged, on a round trip that is made anyway. True when that has left nothing:
 * then they are to be forgotten (`forgetPending`).
 */
export const clearPending = async (
  trip: RoundTrip,
  userId: string,
  positions: readonly Acknowledged[],
): Promise<boolean> => {
  const replies = await trip.add(pipeline => {
    for (const { conversationId, seq, lastSeq } of positions) {
      pipeline.eval(acknowledgeScript, 1, keys.pending(userId), conversationId, seq, lastSeq)
    }
  })
  return replies.findLast(left => left !== -1) === 0
}

/**
 * Users of a bucket who have had something pending since before `before`, at most `limit`, longest first. They are noted as
 * pending since `now` from here on, so that the next look leaves them alone for a while; those with nothing left are forgotten.
 * Three round trips.
 */
export const takePending = async (
  redis: Cluster,
  bucket: number,
  { before, now, limit }: { before: Date; now: Date; limit: number },
): Promise<string[]> => {
  const key = keys.pendingUsers(bucket)
  const userIds = await callRedis(redis, () => redis.zrangebyscore(key, '-inf', before.getTime(), 'LIMIT', 0, limit))
  if (userIds.length === 0) return []
  const lengths = redis.pipeline()
  for (const userId of userIds) lengths.hlen(keys.pending(userId))
  const left = await runPipeline(lengths)
  const update = redis.pipeline()
  for (const [index, userId] of userIds.entries()) {
    if (left[index] === 0) update.zrem(key, userId)
    else update.zadd(key, 'XX', now.getTime(), userId)
  }
  await runPipeline(update)
  return userIds.filter((_, index) => left[index] !== 0)
}

/** What these users have not acknowledged, as far as it is marked: the first position in each conversation. One round trip. */
export const readPending = async (
  redis: Cluster,
  userIds: readonly string[],
): Promise<{ userId: string; conversationId: string; seq: number }[]> => {
  if (userIds.length === 0) return []
  const pipeline = redis.pipeline()
  for (const userId of userIds) pipeline.hgetall(keys.pending(userId))
  const replies = (await runPipeline(pipeline)) as Record<string, string>[]
  return userIds.flatMap((userId, index) =>
    Object.entries(replies[index] ?? {}).map(([conversationId, seq]) => ({ userId, conversationId, seq: Number(seq) })),
  )
}

/** Notes users as pending whose messages nobody has marked, because a function ended between its commit and Redis. */
export const markPending = async (
  redis: Cluster,
  found: readonly { userId: string; conversationId: string; seq: number }[],
  now: Date,
): Promise<void> => {
  if (found.length === 0) return
  const pipeline = redis.pipeline()
  for (const { userId, conversationId, seq } of found) {
    pipeline.hsetnx(keys.pending(userId), conversationId, seq)
    pipeline.expire(keys.pending(userId), timeToLive.pending)
    pipeline.zadd(keys.pendingUsers(bucketOf(userId)), 'NX', now.getTime(), userId)
  }
  await runPipeline(pipeline)
}

/**
 * Forgets that users are waited for: they have everything, or are not connected, and connecting replays anyway. On a round trip
 * that is made anyway.
 */
export const forgetPending = async (trip: RoundTrip, userIds: readonly string[]): Promise<void> => {
  await trip.add(pipeline => {
    for (const userId of userIds) pipeline.zrem(keys.pendingUsers(bucketOf(userId)), userId)
  })
}
