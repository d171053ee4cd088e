import type { Cluster } from 'ioredis'
import type { Kysely } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import type { Database } from '../database/schema.ts'
import type { ServerEvent } from '../delivery/events.ts'
import { type FanOutDeps, pushTo } from '../delivery/fan-out.ts'
import type { Connection } from '../delivery/switchboard.ts'
import { askForUnheard } from '../notifications/gone-unheard.ts'
import type { PushChecks } from '../notifications/push-check.jobs.ts'
import type { Clock } from '../platform/clock.ts'
import { inChunks } from '../platform/in-chunks.ts'
import { logger } from '../platform/logger.ts'
import { bucketOf, keys } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import { readPresence, settleOffline, takeOffline } from './online.ts'
import { type Concerned, findAcquainted, listConcerned } from './presence.repository.ts'
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
 * the caller, or the business that they manage, and of everybody while Redis is down: offline, last seen null. One statement, two
 * for a business, and one Redis round trip.
 */
export const getPresence = async (
  deps: ReadPresenceDeps,
  caller: Viewer,
  userIds: readonly string[],
): Promise<PresenceList> => {
  const acquainted = await findAcquainted(deps.db, caller, userIds)
  const visible = [...new Set(userIds)].filter(userId => userId === caller.id || acquainted.has(userId))
  const known = visible.length === 0 ? new Map<string, Presence>() : await presenceByUser(deps, visible)
  return { items: userIds.map(userId => known.get(userId) ?? unknown(userId)) }
}

/** How many pushes are on their way at the same time. */
const pushesAtOnce = 100

/** What each live connection is to be told of, once each, also where it is its user's and its business's. */
const eventsByConnection = async (
  { switchboard }: TellPresenceDeps,
  changes: readonly Presence[],
  concerned: ReadonlyMap<string, Concerned>,
): Promise<{ connection: Connection; events: ServerEvent[] }[]> => {
  const events = changes.map(data => ({ event: 'presence.changed', data }) as const)
  const told = new Map<string, { connection: Connection; events: ServerEvent[] }>()
  for (const kind of ['users', 'businesses'] as const) {
    const byListener = new Map<string, ServerEvent[]>()
    for (const event of events) {
      for (const listener of concerned.get(event.data.userId)?.[kind] ?? []) {
        const earlier = byListener.get(listener)
        if (earlier) earlier.push(event)
        else byListener.set(listener, [event])
      }
    }
    for (const connection of await switchboard.connectionsOf([...byListener.keys()])) {
      const known = told.get(connection.id)?.events ?? []
      const others = (byListener.get(connection.userId) ?? []).filter(event => !known.includes(event))
      told.set(connection.id, { connection, events: [...known, ...others] })
    }
  }
  return [...told.values()]
}

/**
 * Tells those concerned, on every live connection of theirs: one statement and one Redis round trip for all of these changes,
 * a second one where businesses are concerned, and one push for each change and connection. Rejects when a store does not answer.
 */
const tellConcerned = async (deps: TellPresenceDeps, changes: readonly Presence[]): Promise<void> => {
  const concerned = await listConcerned(
    deps.db,
    changes.map(({ userId }) => userId),
  )
  let left = await eventsByConnection(deps, changes, concerned)
  for (let round = 0; left.length > 0; round += 1) {
    for (const some of inChunks(left, pushesAtOnce)) {
      const eventsOf = new Map(some.map(each => [each.connection, each.events]))
      await pushTo(deps, [...eventsOf.keys()], connection => eventsOf.get(connection)?.[round] ?? null)
    }
    left = left.filter(({ events }) => events.length > round + 1)
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
 * there may be others. Of what did not reach these users, they may be notified. Safe to run twice at once: each user is told of once. A batch that was not told to its end, because a
 * store failed (then it rejects with `store_unavailable`) or the function was killed, is told again by a look 30 s later, but
 * not of those who have come online by then.
 */
export const sweepPresence = async (
  deps: TellPresenceDeps & { presence: PresenceSettings; pushChecks: PushChecks },
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
  await askForUnheard(
    deps,
    gone.map(({ userId }) => userId),
  )
  await settleOffline(deps.redis, bucket, gone)
  return { told: gone.length, more: gone.length === limit }
}
