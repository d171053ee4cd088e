import { ExponentialBackoff, handleAll, retry } from 'cockatiel'
import type { Cluster } from 'ioredis'
import type { Kysely } from 'kysely'
import type { Audit } from '../audit/audit.ts'
import type { Database } from '../database/schema.ts'
import type { PushChecks } from '../notifications/push-check.jobs.ts'
import { logger } from '../platform/logger.ts'
import { oneAtATime } from '../platform/one-at-a-time.ts'
import { readPresence } from '../presence/online.ts'
import type { Presence } from '../presence/presence.schema.ts'
import type { PresenceSettings } from '../presence/settings.ts'
import { listAgentIds } from './agents.repository.ts'
import { type AnnounceDeps, announceChanges } from './announce.ts'
import { type AssignmentChanges, auditEntries, queuedOf } from './assignment-changes.ts'
import { lockBusiness } from './businesses.repository.ts'
import { drainQueue, type Turn } from './queue.ts'
import { tellToWait } from './waiting.ts'

export type BusinessDeps = AnnounceDeps & {
  redis: Cluster
  presence: PresenceSettings
  pushChecks: PushChecks
  audit: Audit
}

/** A busy machine may miss the time limit once. Nobody would be online then, and who could be served would wait for the sweep. */
const onceMore = retry(handleAll, {
  maxAttempts: 1,
  backoff: new ExponentialBackoff({ initialDelay: 30, maxDelay: 100 }),
})

/** Of these users, as Redis knows it; while Redis is down nobody is online. One round trip, a second one when that one fails. */
export const presenceOf = async (
  { redis, presence, clock }: Pick<BusinessDeps, 'redis' | 'presence' | 'clock'>,
  userIds: readonly string[],
): Promise<Map<string, Presence>> => {
  if (userIds.length === 0) return new Map()
  try {
    const found = await onceMore.execute(() => readPresence(redis, presence, userIds, clock.now()))
    return new Map(found.map(each => [each.userId, each]))
  } catch (error) {
    logger.warn('Which agents are online is not known', error as Error)
    return new Map()
  }
}

/** Those of these users who are online. */
export const onlineOf = async (
  deps: Pick<BusinessDeps, 'redis' | 'presence' | 'clock'>,
  userIds: readonly string[],
): Promise<ReadonlySet<string>> => {
  const known = await presenceOf(deps, userIds)
  return new Set(userIds.filter(userId => known.get(userId)?.status === 'online'))
}

/**
 * The turns of one business wait for each other in Postgres, and so hold a connection while they wait. Those of one pool wait here
 * instead: a rush of customers would take all of its connections.
 */
const lines = new WeakMap<Kysely<Database>, ReturnType<typeof oneAtATime>>()

const lineOf = (db: Kysely<Database>): ReturnType<typeof oneAtATime> => {
  const line = lines.get(db) ?? oneAtATime()
  lines.set(db, line)
  return line
}

/**
 * The one way to change what decides who takes a business's conversations: the business is locked, something is changed, then
 * the queue is given to whoever can take it now, all of it in one transaction. So no two decisions of one business run at the
 * same time: no conversation gets two agents, no agent more than their limit. Who is online is read before the lock is taken.
 * What came of it is told, and put on record, when it is committed; the returned changes are for `tellToWait`. `hasMore`: others
 * could be given out by another turn, which the sweep takes in any case.
 */
export const takeTurn = async <Result>(
  deps: BusinessDeps,
  businessId: string,
  change: (turn: Turn) => Promise<Result>,
): Promise<{ result: Result; changes: AssignmentChanges; hasMore: boolean }> => {
  const changes: AssignmentChanges = new Map()
  const { result, hasMore } = await lineOf(deps.db)(businessId, async () => {
    const online = await onlineOf(deps, await listAgentIds(deps.db, businessId))
    return deps.db.transaction().execute(async trx => {
      const now = deps.clock.now()
      const turn: Turn = {
        trx,
        business: await lockBusiness(trx, businessId, now),
        online,
        now,
        notTo: new Map(),
        changes,
        hasMore: false,
      }
      const result = await change(turn)
      await drainQueue(turn)
      return { result, hasMore: turn.hasMore }
    })
  })
  await Promise.all([
    announceChanges(deps, businessId, changes),
    deps.audit.record(...auditEntries(businessId, changes)),
  ])
  return { result, changes, hasMore }
}

/** `takeTurn`, after which customers who have to wait are told so. */
export const changeBusiness = async <Result>(
  deps: BusinessDeps,
  businessId: string,
  change: (turn: Turn) => Promise<Result>,
): Promise<Result> => {
  const { result, changes } = await takeTurn(deps, businessId, change)
  await tellToWait(deps, queuedOf(changes))
  return result
}

/** Gives what waits to whoever can take it: for when somebody may have become able to. */
export const assignWaiting = (deps: BusinessDeps, businessId: string): Promise<void> =>
  changeBusiness(deps, businessId, async () => {})
