import type { Cluster } from 'ioredis'
import type { Audit } from '../audit/audit.ts'
import { sweepBusinesses } from '../business/sweep-businesses.ts'
import type { MessageStore } from '../messages/message-body.ts'
import type { PushChecks } from '../notifications/push-check.jobs.ts'
import { lowestIdAt } from '../platform/ids.ts'
import { inChunks } from '../platform/in-chunks.ts'
import { measure } from '../platform/metrics.ts'
import { sweepPresence } from '../presence/presence.ts'
import type { PresenceSettings } from '../presence/settings.ts'
import type { Profiles } from '../profiles/profiles.ts'
import { type DeliveredPositions, flushDelivered, withDelivered } from '../receipts/delivered.ts'
import { callRedis } from '../redis/call.ts'
import { type BucketedSet, dueBuckets } from '../redis/due-buckets.ts'
import { allBuckets, keys, timeToLive } from '../redis/keys.ts'
import { inOneRoundTrip } from '../redis/round-trip.ts'
import type { FanOutDeps } from './fan-out.ts'
import { forgetPending, markPending, takePending } from './pending.ts'
import { missingJob, type ReplayQueue } from './replay.jobs.ts'
import { findUnacknowledged } from './replay.repository.ts'
import type { SweepJob, SweepQueue } from './sweep.jobs.ts'
import { endingConnection } from './switchboard.ts'

export interface SweepDeps extends FanOutDeps, MessageStore {
  redis: Cluster
  delivered: DeliveredPositions
  profiles: Profiles
  replays: ReplayQueue
  sweeps: SweepQueue
  settings: SweepSettings
  presence: PresenceSettings
  pushChecks: PushChecks
  audit: Audit
}

export interface SweepSettings {
  /** How long a message may be without acknowledgement on a live connection before it is sent again, in milliseconds. */
  pendingAfterMs: number
  /** How far back the look into Postgres goes. What is older was looked at before. */
  unmarkedWithinMs: number
  /** How much of that a look at what has just become due takes in. */
  recentMs: number
  /** How long an agent may be offline before what they have not answered is taken back, in milliseconds. */
  agentGraceMs: number
  /** How many messages Postgres looks at for one job. */
  messagesAtOnce: number
  /** How much of a bucket, or of what Postgres has found, is taken at a time. */
  batch: number
}

/** A message's id may have been minted a day before it was sent. */
const oldestIdMs = 24 * 60 * 60 * 1000

/** What a task found to do, for the log. */
export interface Swept {
  task: SweepJob['task']
  found: number
}

/** What was done in a bucket; `more` when there may be more to do. */
interface SweptBucket {
  found: number
  more: boolean
}

/** Users who have been pending since before `before`: each of their live connections gets what is missing. */
const sweepPending = async (deps: SweepDeps, bucket: number, before: Date): Promise<SweptBucket> => {
  const now = deps.clock.now()
  const userIds = await takePending(deps.redis, bucket, { before, now, limit: deps.settings.batch })
  const connections = await deps.switchboard.connectionsOf(userIds)
  const connected = new Set(connections.map(({ userId }) => userId))
  await deps.replays.sendAll(connections.map(connection => ({ job: missingJob(connection) })))
  if (connections.length > 0) measure('Repairs', connections.length)
  const absent = userIds.filter(userId => !connected.has(userId))
  await inOneRoundTrip(deps.redis, trip => forgetPending(trip, absent))
  return { found: connections.length, more: userIds.length === deps.settings.batch }
}

/** Connections past their token or the gateway's two hours are closed. */
const sweepConnections = async (deps: SweepDeps, bucket: number, now: Date): Promise<SweptBucket> => {
  const { redis, push, switchboard, settings } = deps
  const key = keys.connectionEnds(bucket)
  const members = await callRedis(redis, () =>
    redis.zrangebyscore(key, '-inf', now.getTime(), 'LIMIT', 0, settings.batch),
  )
  await Promise.all(
    members.map(async member => {
      const connection = endingConnection(member)
      // Not forgotten when it could not be closed: the next look tries again.
      if ((await push.close(connection.id)) === 'failed') return
      await switchboard.disconnect(connection, now)
    }),
  )
  return { found: members.length, more: members.length === settings.batch }
}

/** Marks those who are connected and lack something by Redis, too; tells how many. */
const markUnmarked = async (
  { redis, delivered, switchboard }: SweepDeps,
  found: readonly { userId: string; conversationId: string; seq: number }[],
): Promise<number> => {
  const connections = await switchboard.connectionsOf([...new Set(found.map(({ userId }) => userId))])
  const connected = new Set(connections.map(({ userId }) => userId))
  const positions = await withDelivered(
    delivered,
    found
      .filter(({ userId }) => connected.has(userId))
      .map(({ userId, conversationId, seq }) => ({
        user_id: userId,
        conversation_id: conversationId,
        last_delivered_seq: 0,
        seq,
      })),
  )
  const unmarked = positions
    .filter(({ last_delivered_seq, seq }) => last_delivered_seq < seq)
    .map(({ user_id: userId, conversation_id: conversationId, seq }) => ({ userId, conversationId, seq }))
  await markPending(redis, unmarked, new Date(0))
  return unmarked.length
}

/** A time in which more was sent than one job looks at is tried again with an eighth: with a half it would often be too much again. */
const partOfTooMuch = 8
/** After a look the next one takes in so much more or less time that it should find this much of what a job looks at … */
const aimedAt = 0.75
/** … but so many times as much at most: it may be livelier then. */
const mostLonger = 8

/**
 * Messages that were committed a while ago and that a connected recipient has not acknowledged, whatever Redis says: a function
 * that ended between its commit and Redis left no mark. They are marked, for `sweepPending` to find at once. A time in which more
 * was sent than one job looks at is gone through in steps, one job after another: side by side they would take the database for
 * themselves.
 */
const sweepUnmarked = async (deps: SweepDeps, { task, isRecent, sent }: SweepJob): Promise<number> => {
  const { db, clock, sweeps, settings } = deps
  const now = clock.now().getTime()
  const { from, until, step } = sent ?? {
    from: now - (isRecent ? settings.pendingAfterMs + settings.recentMs : settings.unmarkedWithinMs),
    until: now - settings.pendingAfterMs,
  }
  const end = Math.min(until, from + (step ?? until - from))
  const isOneMoment = end - from <= 1
  const look = await findUnacknowledged(db, {
    from: new Date(from),
    until: new Date(end),
    lowestId: lowestIdAt(new Date(from - oldestIdMs)),
    limit: isOneMoment ? Number.MAX_SAFE_INTEGER - 1 : settings.messagesAtOnce,
  })
  if (look === null) {
    await sweeps.send({ task, sent: { from, until, step: Math.ceil((end - from) / partOfTooMuch) } })
    return 0
  }
  let marked = 0
  for (const some of inChunks(look.missing, settings.batch)) marked += await markUnmarked(deps, some)
  if (end < until) {
    const longer = Math.min(mostLonger, (aimedAt * settings.messagesAtOnce) / Math.max(1, look.messages))
    await sweeps.send({ task, sent: { from: end, until, step: Math.max(1, Math.floor((end - from) * longer)) } })
  }
  return marked
}

/** Does what is due in one bucket, or in all that have something due. */
const sweepBuckets = async (
  deps: SweepDeps,
  { task, bucket: only }: SweepJob,
  { due, until }: { due: readonly BucketedSet[]; until: Date },
  sweepBucket: (bucket: number) => Promise<SweptBucket>,
): Promise<number> => {
  let found = 0
  for (const bucket of only === undefined ? await dueBuckets(deps.redis, due, until) : [only]) {
    const swept = await sweepBucket(bucket)
    found += swept.found
    if (swept.more) await deps.sweeps.send({ task, bucket })
  }
  return found
}

const pendingUsers = { keyOf: keys.pendingUsers, timeToLive: timeToLive.pendingUsers }
const connectionEnds = { keyOf: keys.connectionEnds, timeToLive: timeToLive.connectionEnds }
const presenceSets = [
  { keyOf: keys.online, timeToLive: timeToLive.online },
  { keyOf: keys.goingOffline, timeToLive: timeToLive.online },
]

/**
 * Does one task of the sweep. Bounded: what does not fit goes on in jobs of its own. Safe to run twice and
 * beside itself. Rejects when a store is down, and comes again with the next tick anyway.
 */
export const sweep = async (deps: SweepDeps, job: SweepJob): Promise<Swept> => {
  const { task } = job
  const now = deps.clock.now()
  switch (task) {
    case 'presence': {
      const found = await sweepBuckets(deps, job, { due: presenceSets, until: now }, async bucket => {
        const { told, more } = await sweepPresence(deps, bucket, now, deps.settings.batch)
        return { found: told, more }
      })
      return { task, found }
    }
    case 'positions':
      return { task, found: await flushDelivered(deps, job.bucket === undefined ? allBuckets : [job.bucket]) }
    case 'pending': {
      const before = new Date(now.getTime() - deps.settings.pendingAfterMs)
      const found = await sweepBuckets(deps, job, { due: [pendingUsers], until: before }, bucket =>
        sweepPending(deps, bucket, before),
      )
      return { task, found }
    }
    case 'connections': {
      const found = await sweepBuckets(deps, job, { due: [connectionEnds], until: now }, bucket =>
        sweepConnections(deps, bucket, now),
      )
      return { task, found }
    }
    case 'business': {
      const { found, lastId } = await sweepBusinesses(deps, { after: job.afterId, graceMs: deps.settings.agentGraceMs })
      if (lastId) await deps.sweeps.send({ task, afterId: lastId })
      return { task, found }
    }
    case 'unmarked':
      return { task, found: await sweepUnmarked(deps, job) }
  }
}
