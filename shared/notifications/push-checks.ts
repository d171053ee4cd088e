import type { Cluster } from 'ioredis'
import type { Kysely } from 'kysely'
import type { Database } from '../database/schema.ts'
import type { Clock } from '../platform/clock.ts'
import { logger } from '../platform/logger.ts'
import { measure } from '../platform/metrics.ts'
import type { Queue } from '../platform/queue.ts'
import { readPresence } from '../presence/online.ts'
import type { PresenceSettings } from '../presence/settings.ts'
import type { PushCheck } from './push-check.jobs.ts'
import { findUnnoticed } from './push-checks.repository.ts'
import { claimPushes, releaseClaims, settleClaims } from './push-claims.ts'
import { type MissedMessage, type PushRequest, pushRequest } from './push-request.ts'
import { isQuiet } from './quiet-hours.ts'

export interface CheckPushDeps {
  db: Kysely<Database>
  redis: Cluster
  clock: Clock
  presence: PresenceSettings
  notifications: Queue<PushRequest>
}

/** Those whose users are offline, and have been since before the message came. One Redis round trip. */
const ofAbsent = async (
  { redis, presence }: CheckPushDeps,
  messages: readonly MissedMessage[],
  now: Date,
): Promise<MissedMessage[]> => {
  if (messages.length === 0) return []
  const userIds = [...new Set(messages.map(({ userId }) => userId))]
  const found = await readPresence(redis, presence, userIds, now)
  const lastSeen = new Map(
    found
      .filter(({ status }) => status === 'offline')
      .map(({ userId, lastSeenAt }) => [userId, lastSeenAt === null ? 0 : Date.parse(lastSeenAt)]),
  )
  return messages.filter(({ userId, sentAt }) => (lastSeen.get(userId) ?? Number.POSITIVE_INFINITY) <= sentAt.getTime())
}

/**
 * Requests a push for each of these users and messages, unless the user is online, has been since the message came, has read or
 * acknowledged it, left, muted the conversation, has quiet hours or wants none, or the message was deleted.
 *
 * One statement and one Redis round trip; for who is to be notified two more, and a request of SQS for every ten. Safe to repeat
 * and to run twice at once: a push is requested once. Where a function ends between the request and its note, or SQS takes only a
 * part, it is requested again with the same `dedupId`. Rejects when a store or SQS does not answer.
 */
export const checkPush = async (deps: CheckPushDeps, check: PushCheck): Promise<void> => {
  const { db, redis, clock, notifications } = deps
  const now = clock.now()
  const unnoticed = await findUnnoticed(db, check, now)
  const wanted = unnoticed.filter(({ quietHours }) => !quietHours || !isQuiet(quietHours, now))
  const claimed = await claimPushes(redis, await ofAbsent(deps, wanted, now))
  if (claimed.length === 0) return
  try {
    await notifications.sendAll(claimed.map(({ missed, windowStart }) => ({ job: pushRequest(missed, windowStart) })))
  } catch (error) {
    await releaseClaims(redis, claimed).catch(() => {})
    throw error
  }
  measure('PushRequests', claimed.length)
  await settleClaims(redis, claimed).catch(error => logger.warn('Push requests may be repeated', error as Error))
}
