import type { Cluster } from 'ioredis'
import { readPending } from '../delivery/pending.ts'
import type { PushChecks } from './push-check.jobs.ts'

/**
 * For users who have just gone offline: until then they counted as online, but what they were sent after their last frame may
 * have gone to dead connections. Has it looked at whether they are to be notified of what they have not acknowledged. One Redis
 * round trip, and one request of SQS for every ten conversations. Rejects when Redis does not answer; repeating it notifies nobody
 * twice.
 */
export const askForUnheard = async (
  { redis, pushChecks }: { redis: Cluster; pushChecks: PushChecks },
  userIds: readonly string[],
): Promise<void> => {
  const pending = await readPending(redis, userIds)
  await pushChecks.ask(
    pending.map(({ userId, conversationId, seq }) => ({
      conversationId,
      userIds: [userId],
      fromSeq: seq,
      throughSeq: Number.MAX_SAFE_INTEGER,
    })),
  )
}
