import type { Cluster } from 'ioredis'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/schema.ts'
import { inChunks } from '../platform/in-chunks.ts'
import { logger } from '../platform/logger.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { allBuckets, bucketOf, keys, timeToLive } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import type { RoundTrip } from '../redis/round-trip.ts'

/**
 * Raises a position, never lowers it, and counts the moves of a second that somebody is told of. Answers which one this is (0: it is
 * none), and where the position was.
 */
const raiseScript = `
local known = tonumber(redis.call('hget', KEYS[1], ARGV[1])) or 0
if tonumber(ARGV[2]) > known then redis.call('hset', KEYS[1], ARGV[1], ARGV[2]) end
redis.call('expire', KEYS[1], ARGV[3])
if tonumber(ARGV[5]) <= known then return {0, known} end
local place = redis.call('incr', KEYS[2])
redis.call('expire', KEYS[2], ARGV[4], 'NX')
return {place, known}`

/** Forgets those that have not moved since: each "conversation user" with its position. */
const savedScript = `
for at = 1, #ARGV, 2 do
  local known = redis.call('zscore', KEYS[1], ARGV[at])
  if known and tonumber(known) <= tonumber(ARGV[at + 1]) then redis.call('zrem', KEYS[1], ARGV[at]) end
end`

export interface DeliveredPosition {
  conversationId: string
  userId: string
  seq: number
}

export interface RaisedPosition {
  place: number
  above: number
}

/**
 * Delivered positions between two flushes to Postgres. The greater of the two is the position, so losing these brings
 * duplicates, never a loss.
 */
export interface DeliveredPositions {
  /**
   * Raises positions and notes them for the flush, on a round trip that is made anyway. Tells of each from where it moved, and which of
   * its moves within this second that is, of those that reach `toldOf`, the newest message (`seq` at most) that somebody is to hear
   * of, beginning with 1 (see `announceInPlace`); 0 when it is none of these.
   */
  raise(positions: readonly (DeliveredPosition & { toldOf: number })[], trip: RoundTrip): Promise<RaisedPosition[]>
  /** Every position of each of these conversations that Redis has: conversation → user → `seq`. One round trip. */
  of(conversationIds: readonly string[]): Promise<Map<string, Map<string, number>>>
  /**
   * Positions that Postgres does not have yet, up to `limit` of each of these buckets, for as long as nobody says that it has; and
   * whether there may be more. One round trip.
   */
  unsaved(buckets: readonly number[], limit: number): Promise<{ positions: DeliveredPosition[]; more: boolean }>
  /** Notes that Postgres has these; one that has moved meanwhile stays unsaved. One round trip. */
  noteSaved(positions: readonly DeliveredPosition[]): Promise<void>
}

/** No id holds a space. */
const memberOf = ({ conversationId, userId }: DeliveredPosition): string => `${conversationId} ${userId}`

export const createDeliveredPositions = (redis: Cluster): DeliveredPositions => ({
  raise: async (positions, trip) => {
    const replies = await trip.add(pipeline => {
      for (const position of positions) {
        const { conversationId, userId, seq, toldOf } = position
        pipeline.eval(
          raiseScript,
          2,
          keys.delivered(conversationId),
          keys.announced(conversationId, 'delivered', userId),
          userId,
          seq,
          timeToLive.delivered,
          timeToLive.announced,
          toldOf,
        )
        // Also one that does not move: its flush changes nothing, and to know it first would take a round trip more.
        pipeline.zadd(keys.deliveredUnsaved(bucketOf(userId)), 'GT', seq, memberOf(position))
      }
    })
    return positions.map((_, index) => {
      const [place = 0, above = 0] = replies[index * 2] as number[]
      return { place, above }
    })
  },

  of: async conversationIds => {
    if (conversationIds.length === 0) return new Map()
    const pipeline = redis.pipeline()
    for (const conversationId of conversationIds) pipeline.hgetall(keys.delivered(conversationId))
    const replies = (await runPipeline(pipeline)) as Record<string, string>[]
    return new Map(
      conversationIds.map((conversationId, index) => [
        conversationId,
        new Map(Object.entries(replies[index] ?? {}).map(([userId, seq]) => [userId, Number(seq)])),
      ]),
    )
  },

  unsaved: async (buckets, limit) => {
    const pipeline = redis.pipeline()
    for (const bucket of buckets) {
      const key = keys.deliveredUnsaved(bucket)
      pipeline.zrange(key, '0', String(limit - 1), 'WITHSCORES').expire(key, timeToLive.deliveredUnsaved)
    }
    const replies = await runPipeline(pipeline)
    const found = buckets.map((_, index) => replies[index * 2] as string[])
    return {
      positions: found.flatMap(entries =>
        Array.from({ length: entries.length / 2 }, (_, index) => {
          const [conversationId = '', userId = ''] = (entries[index * 2] ?? '').split(' ')
          return { conversationId, userId, seq: Number(entries[index * 2 + 1]) }
        }),
      ),
      more: found.some(entries => entries.length === limit * 2),
    }
  },

  noteSaved: async positions => {
    const pipeline = redis.pipeline()
    for (const [bucket, saved] of Map.groupBy(positions, ({ userId }) => bucketOf(userId))) {
      const members = saved.flatMap(position => [memberOf(position), String(position.seq)])
      pipeline.eval(savedScript, 1, keys.deliveredUnsaved(bucket), ...members)
    }
    await runPipeline(pipeline)
  },
})

export const deliveredFromEnvironment = (): DeliveredPositions => createDeliveredPositions(redisFromEnvironment())

/**
 * Brings positions to Postgres in one statement. The rows are locked in the order of their key, so that two flushes don't wait
 * for each other in a circle. Who has left, or joined anew behind it, is not touched.
 */
export const storeDelivered = async (db: Kysely<Database>, positions: readonly DeliveredPosition[]): Promise<void> => {
  if (positions.length === 0) return
  await sql`
    with given as (
      select * from unnest(
        ${positions.map(({ conversationId }) => conversationId)}::uuid[],
        ${positions.map(({ userId }) => userId)}::uuid[],
        ${positions.map(({ seq }) => seq)}::bigint[]
      ) as given (conversation_id, user_id, seq)
    ), locked as (
      select participants.conversation_id, participants.user_id, given.seq
      from participants join given using (conversation_id, user_id)
      where participants.left_at is null and participants.last_delivered_seq < given.seq
      order by participants.conversation_id, participants.user_id
      for no key update of participants
    )
    update participants set last_delivered_seq = greatest(participants.last_delivered_seq, locked.seq)
    from locked
    where participants.conversation_id = locked.conversation_id and participants.user_id = locked.user_id`.execute(db)
}

/** How many positions one statement brings to Postgres. */
const flushBatch = 1_000
/** Of a bucket at a time. */
const unsavedAtOnce = 200

/**
 * Brings every position of these buckets that Postgres does not have to it; returns how many. What could not be stored, or was
 * stored by a function that ended then, is stored by the next call. Safe to run twice at once.
 */
export const flushDelivered = async (
  { db, delivered }: { db: Kysely<Database>; delivered: DeliveredPositions },
  buckets: readonly number[] = allBuckets,
): Promise<number> => {
  let flushed = 0
  for (;;) {
    const { positions, more } = await delivered.unsaved(buckets, unsavedAtOnce)
    for (const batch of inChunks(positions, flushBatch)) {
      await storeDelivered(db, batch)
      await delivered.noteSaved(batch)
    }
    flushed += positions.length
    if (!more) return flushed
  }
}

interface Delivered {
  conversation_id: string
  user_id: string
  last_delivered_seq: number
}

/**
 * Participants with the delivered positions that Redis knows better than Postgres; without Redis as they are. One round trip, none
 * where there is nothing that Redis could know better.
 * @param lastSeqs The newest position of conversations, as far as it is known: where everybody has it, Redis is not asked.
 */
export const withDelivered = async <Row extends Delivered>(
  delivered: DeliveredPositions,
  participants: readonly Row[],
  lastSeqs: ReadonlyMap<string, number> = new Map(),
): Promise<Row[]> => {
  const lacking = participants.filter(
    ({ conversation_id, last_delivered_seq }) => last_delivered_seq < (lastSeqs.get(conversation_id) ?? Infinity),
  )
  const ids = [...new Set(lacking.map(participant => participant.conversation_id))]
  const known = await delivered.of(ids).catch(error => {
    logger.warn('Delivered positions are as old as the last flush', error as Error)
    return new Map<string, Map<string, number>>()
  })
  return participants.map(participant => {
    const { conversation_id, user_id, last_delivered_seq } = participant
    const seq = known.get(conversation_id)?.get(user_id) ?? 0
    return seq > last_delivered_seq ? { ...participant, last_delivered_seq: seq } : participant
  })
}
