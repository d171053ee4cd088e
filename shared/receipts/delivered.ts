import type { Cluster } from 'ioredis'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/schema.ts'
import { logger } from '../platform/logger.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { allBuckets, bucketOf, keys, timeToLive } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'

/** Raises a position, never lowers it; tells whether it moved. */
const raiseScript = `
local known = tonumber(redis.call('hget', KEYS[1], ARGV[1])) or 0
local raised = tonumber(ARGV[2]) > known
if raised then redis.call('hset', KEYS[1], ARGV[1], ARGV[2]) end
redis.call('expire', KEYS[1], ARGV[3])
return raised and 1 or 0`

export interface DeliveredPosition {
  conversationId: string
  userId: string
  seq: number
}

/**
 * Delivered positions between two flushes to Postgres. The greater of the two is the position, so losing these brings
 * duplicates, never a loss.
 */
export interface DeliveredPositions {
  /** Raises positions of one user, and notes those that moved for the flush; true for each that did. Two round trips. */
  raise(positions: readonly DeliveredPosition[]): Promise<boolean[]>
  /** Every position of each of these conversations that Redis has: conversation → user → `seq`. One round trip. */
  of(conversationIds: readonly string[]): Promise<Map<string, Map<string, number>>>
  /** Takes up to `limit` positions of a bucket that Postgres does not have yet. Two round trips. */
  takeChanged(bucket: number, limit: number): Promise<DeliveredPosition[]>
}

export const createDeliveredPositions = (redis: Cluster): DeliveredPositions => ({
  raise: async positions => {
    if (positions.length === 0) return []
    const pipeline = redis.pipeline()
    for (const { conversationId, userId, seq } of positions) {
      pipeline.eval(raiseScript, 1, keys.delivered(conversationId), userId, seq, timeToLive.delivered)
    }
    const moved = (await runPipeline(pipeline)).map(reply => reply === 1)
    const changes = redis.pipeline()
    for (const { conversationId, userId } of positions.filter((_, index) => moved[index])) {
      changes.sadd(keys.deliveredChanged(bucketOf(userId)), `${conversationId} ${userId}`)
    }
    await runPipeline(changes)
    return moved
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

  takeChanged: async (bucket, limit) => {
    const key = keys.deliveredChanged(bucket)
    const [members] = (await runPipeline(
      redis.pipeline().spop(key, limit).expire(key, timeToLive.deliveredChanged),
    )) as [string[]]
    if (members.length === 0) return []
    const entries = members.map(member => member.split(' ') as [string, string])
    const pipeline = redis.pipeline()
    for (const [conversationId, userId] of entries) pipeline.hget(keys.delivered(conversationId), userId)
    const seqs = await runPipeline(pipeline)
    return entries.flatMap(([conversationId, userId], index) =>
      seqs[index] === null ? [] : [{ conversationId, userId, seq: Number(seqs[index]) }],
    )
  },
})

export const deliveredFromEnvironment = (): DeliveredPositions => createDeliveredPositions(redisFromEnvironment())

/**
 * Brings positions to Postgres in one statement. The rows are locked in the order of their key, so that two flushes don't wait
 * for each other in a circle. Who has left, or joined anew behind it, is not touched.
 */
export const storeDelivered = async (db: Kysely<Database>, positions: readonly DeliveredPosition[]): Promise<void> => {
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

/** Brings every changed position of these buckets to Postgres; returns how many. What is lost on the way is only asked again. */
export const flushDelivered = async (
  { db, delivered }: { db: Kysely<Database>; delivered: DeliveredPositions },
  buckets: readonly number[] = allBuckets,
): Promise<number> => {
  let flushed = 0
  for (const bucket of buckets) {
    for (;;) {
      const positions = await delivered.takeChanged(bucket, flushBatch)
      if (positions.length > 0) await storeDelivered(db, positions)
      flushed += positions.length
      if (positions.length < flushBatch) break
    }
  }
  return flushed
}

interface Delivered {
  conversation_id: string
  user_id: string
  last_delivered_seq: number
}

/** Participants with the delivered positions that Redis knows better than Postgres; without Redis as they are. */
export const withDelivered = async <Row extends Delivered>(
  delivered: DeliveredPositions,
  participants: readonly Row[],
): Promise<Row[]> => {
  const ids = [...new Set(participants.map(participant => participant.conversation_id))]
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
