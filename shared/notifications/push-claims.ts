import type { Cluster } from 'ioredis'
import { keys, timeToLive } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import { dedupIdOf, type MissedMessage } from './push-request.ts'

/** Sending takes seconds at the very worst; whoever has a claim for longer has died. Shorter than the job stays invisible. */
const claimMs = 30_000
/** SQS may deliver a job again; what was done is remembered for longer than any copy takes. */
const doneMs = 15 * 60_000
/** What came within this time of each other is shown as one. */
const windowMs = 10_000

/**
 * The start of the window that a message belongs to: that of a message less than the window away, whichever of the two is looked
 * at first, or else its own.
 */
const windowScript = `
local found = redis.call('zrange', KEYS[1], ARGV[2], ARGV[3], 'BYSCORE', 'LIMIT', 0, 1)
if found[1] then return found[1] end
redis.call('zadd', KEYS[1], ARGV[1], ARGV[1])
redis.call('zremrangebyscore', KEYS[1], '-inf', ARGV[4])
redis.call('expire', KEYS[1], ARGV[5])
return ARGV[1]`

const claimKey = (missed: MissedMessage): string => keys.done(`push:${dedupIdOf(missed)}`)

export interface ClaimedMessage {
  missed: MissedMessage
  /** Milliseconds since 1970. */
  windowStart: number
}

/**
 * Takes those of these that nobody has requested a push for, or is about to: they are the caller's for 30 s, or until
 * `settleClaims`. One round trip.
 */
export const claimPushes = async (redis: Cluster, missed: readonly MissedMessage[]): Promise<ClaimedMessage[]> => {
  if (missed.length === 0) return []
  const pipeline = redis.pipeline()
  for (const message of missed) {
    const { userId, conversationId } = message
    const sentAt = message.sentAt.getTime()
    const life = timeToLive.pushWindows
    pipeline
      .set(claimKey(message), '1', 'PX', claimMs, 'NX')
      .eval(
        windowScript,
        1,
        keys.pushWindows(conversationId, userId),
        sentAt,
        `(${sentAt - windowMs}`,
        `(${sentAt + windowMs}`,
        sentAt - life * 1_000,
        life,
      )
  }
  const replies = await runPipeline(pipeline)
  return missed.flatMap((message, index) =>
    replies[index * 2] === 'OK' ? [{ missed: message, windowStart: Number(replies[index * 2 + 1]) }] : [],
  )
}

/** Notes that pushes have been requested for these. One round trip. */
export const settleClaims = async (redis: Cluster, claimed: readonly ClaimedMessage[]): Promise<void> => {
  const pipeline = redis.pipeline()
  for (const { missed } of claimed) pipeline.set(claimKey(missed), '1', 'PX', doneMs)
  await runPipeline(pipeline)
}

/** Gives back what could not be requested. One round trip. */
export const releaseClaims = async (redis: Cluster, claimed: readonly ClaimedMessage[]): Promise<void> => {
  const pipeline = redis.pipeline()
  for (const { missed } of claimed) pipeline.del(claimKey(missed))
  await runPipeline(pipeline)
}
