import type { Cluster } from 'ioredis'
import type { Kysely } from 'kysely'
import type { Database } from '../database/schema.ts'
import type { ServerEvent } from '../delivery/events.ts'
import { type FanOutDeps, pushTo } from '../delivery/fan-out.ts'
import type { Connection } from '../delivery/switchboard.ts'
import type { Clock } from '../platform/clock.ts'
import { logger } from '../platform/logger.ts'
import { bucketOf, keys } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import { readPresence, settleOffline, takeOffline } from './online.ts'
import { findAcquainted, listConcerned } from './presence.repository.ts'
import type { Presence, PresenceList } from './presence.schema.ts'
import type { PresenceSettings } from './settings.ts'

export interface ReadPresenceDeps {
  db: Kysely<Database>
  redis: Cluster
  clock: Clock
  presence: PresenceSettings
}

export type TellPresenceDeps = FanOutDeps & { db: Kysely<Database>; redis: Cluster }

const unknown = (userId: string): Presence => ({ userId, status: 'offline', lastSeenAt: null })

const presenceByUser = async (
  { redis, presence, clock }: ReadPresenceDeps,
  userIds: readonly string[],
): Promise<Map<string, Presence>> => {
  try {
    const found = await readPresence(redis, presence, userIds, clock.now())
    return new Map(found.map(each => [each.userId, each]))
  } catch (error) {
    logger.warn('Presence is not known', error as Error)
    return new Map()
  }
}

/**
 * Who of these users is online, in the order asked: exact, from each one's last frame. Of those who share no conversation with
 * the caller, and of everybody while Redis is down: offline, last seen null. One statement and one Redis round trip.
 */
export const getPresence = async (
  deps: ReadPresenceDeps,
  callerId: string,
  userIds: readonly string[],
): Promise<PresenceList> => {
  const acquainted = await findAcquainted(deps.db, callerId, userIds)
  const visible = [...new Set(userIds)].filter(userId => userId === callerId || acquainted.has(userId))
  const known = visible.length === 0 ? new Map<string, Presence>() : await presenceByUser(deps, visible)
  return { items: userIds.map(userId => known.get(userId) ?? unknown(userId)) }
}

/** How many pushes are on their way at the same time. */
const pushesAtOnce = 100

/**
 * Tells those concerned, on every live connection of theirs: one statement and one Redis round trip for all of these changes,
 * and one push for each change and connection. Rejects when a store does not answer.
 */
const tellConcerned = async (deps: TellPresenceDeps, changes: readonly Presence[]): Promise<void> => {
  const concerned = await listConcerned(
    deps.db,
    changes.map(({ userId }) => userId),
  )
  const events = new Map<string, ServerEvent[]>()
  for (const data of changes) {
    const event: ServerEvent = { event: 'presence.changed', data }
    for (const userId of concerned.get(data.userId) ?? []) {
      const earlier = events.get(userId)
      if (earlier) earlier.push(event)
      else events.set(userId, [event])
    }
  }
  const eventsFor = ({ userId }: Pick<Connection, 'userId'>): ServerEvent[] => events.get(userId) ?? []
  let connections = await deps.switchboard.connectionsOf([...events.keys()])
  for (let round = 0; connections.length > 0; round += 1) {
    for (let start = 0; start < connections.length; start += pushesAtOnce) {
      const some = connections.slice(start, start + pushesAtOnce)
      await pushTo(deps, some, userId => eventsFor({ userId })[round] ?? null)
    }
    connections = connections.filter(connection => eventsFor(connection).length > round + 1)
  }
}

/**
 * Tells those concerned that a user is online, unless they have gone again meanwhile. Never rejects: presence is a hint, and
 * whatever it goes with must not fail for it. Repeating it tells them again.
 */
export const announceOnline = async (deps: TellPresenceDeps, userId: string): Promise<void> => {
  try {
    const [score] = await runPipeline(deps.redis.pipeline().zscore(keys.online(bucketOf(userId)), userId))
    if (score === null || Number(score) <= deps.clock.now().getTime()) return
    await tellConcerned(deps, [{ userId, status: 'online', lastSeenAt: null }])
  } catch (error) {
    logger.warn('Nobody was told that a user is online', error as Error)
  }
}

/**
 * Tells those concerned of users of a bucket who have gone offline by `now`: up to `limit` of them, in one batch; `more` when
 * there may be others. Safe to run twice at once: each user is told of once. A batch that was not told to its end, because a
 * store failed (then it rejects with `store_unavailable`) or the function was killed, is told again by a look 30 s later, but
 * not of those who have come online by then.
 */
export const sweepPresence = async (
  deps: TellPresenceDeps & { presence: PresenceSettings },
  bucket: number,
  now: Date,
  limit: number,
): Promise<{ told: number; more: boolean }> => {
  const gone = await takeOffline(deps.redis, deps.presence, { bucket, now, limit })
  if (gone.length === 0) return { told: 0, more: false }
  await tellConcerned(
    deps,
    gone.map(({ userId, lastSeenAt }) => ({ userId, status: 'offline', lastSeenAt: lastSeenAt.toISOString() })),
  )
  await settleOffline(deps.redis, bucket, gone)
  return { told: gone.length, more: gone.length === limit }
}
