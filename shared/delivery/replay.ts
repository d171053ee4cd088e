import type { Cluster } from 'ioredis'
import type { Audit } from '../audit/audit.ts'
import { welcomeAgent } from '../business/sweep-businesses.ts'
import { seenByOthers } from '../messages/message.view.ts'
import type { MessageStore } from '../messages/message-body.ts'
import { listMessages } from '../messages/messages.repository.ts'
import { visibleAt } from '../messages/retention.config.ts'
import type { PushChecks } from '../notifications/push-check.jobs.ts'
import type { Clock } from '../platform/clock.ts'
import { logger, withLogIds } from '../platform/logger.ts'
import { measure } from '../platform/metrics.ts'
import { asProblem, Problem, problemDocument } from '../platform/problems.ts'
import { announceOnline } from '../presence/presence.ts'
import type { PresenceSettings } from '../presence/settings.ts'
import type { Profiles } from '../profiles/profiles.ts'
import type { DeliveredPositions } from '../receipts/delivered.ts'
import { findStandings } from '../receipts/receipts.repository.ts'
import { unreadCounts } from '../receipts/unread.ts'
import { isDone, type Lease, markDone, takeLease } from '../redis/leases.ts'
import type { ServerEvent } from './events.ts'
import { frameOf, pushTo, youngConnectionMs } from './fan-out.ts'
import type { Push } from './push.ts'
import {
  type ConnectionReplayJob,
  missingJob,
  type ReplayJob,
  type ReplayProgress,
  type ReplayQueue,
  type UnroutedJob,
} from './replay.jobs.ts'
import { findUndelivered, type Range } from './replay.repository.ts'
import { type RangeSender, type SendOutcome, sendRange } from './send-range.ts'
import { clientSettings } from './session.ts'
import type { Connection, Switchboard } from './switchboard.ts'
import { releaseSync } from './sync.ts'

export interface ReplaySettings {
  /** Messages read from Postgres at a time. */
  pageSize: number
  /** How many messages of one conversation one `sync` brings; the client asks again for more. */
  syncLimit: number
  /** What clients are told: without other frames they send a heartbeat this often. */
  heartbeatSeconds: number
}

export interface ReplayDeps extends MessageStore {
  redis: Cluster
  switchboard: Switchboard
  delivered: DeliveredPositions
  profiles: Profiles
  push: Push
  replays: ReplayQueue
  clock: Clock
  settings: ReplaySettings
  presence: PresenceSettings
  pushChecks: PushChecks
  audit: Audit
}

/** A page is sent well within this; whoever holds the lease longer has died. */
const leaseMs = 30_000
/** A replay hands over when its function has less time than this left: a page takes seconds at the very worst. */
const handOverMs = 8_000
/** How long a job waits for another replay of its connection. */
const busyDelaySeconds = 2
/** How many jobs lead to each other, and how often one waits, at most. */
const maxHops = 1_000
/** SQS may deliver a job again; what was done is remembered for longer than any copy takes. */
const doneMs = 15 * 60 * 1000

/** Behind every conversation: nothing is left to replay. */
const end: ReplayProgress = { conversationId: 'ffffffff-ffff-ffff-ffff-ffffffffffff', seq: 0 }

/** How a job ended: `next` goes on where it stopped, after a delay. */
type Outcome = { outcome: 'done' | 'gone' } | { outcome: 'later'; delaySeconds: number; next: ConnectionReplayJob }

type Run<Kind extends ConnectionReplayJob['kind']> = (
  deps: ReplayDeps,
  job: Extract<ConnectionReplayJob, { kind: Kind }>,
  sender: RangeSender,
) => Promise<Outcome>

const finished: Outcome = { outcome: 'done' }

/** What the user has not acknowledged: Postgres' positions, raised to those that Redis knows better. */
const undelivered = async (
  { db, delivered }: ReplayDeps,
  userId: string,
  progress: ReplayProgress | undefined,
): Promise<Range[]> => {
  const ranges = await findUndelivered(db, userId, progress?.conversationId)
  const known = await delivered.of(ranges.map(range => range.conversationId))
  return ranges
    .map(range => {
      const resumed = range.conversationId === progress?.conversationId ? progress.seq : 0
      const acknowledged = known.get(range.conversationId)?.get(userId) ?? 0
      return { ...range, afterSeq: Math.max(range.afterSeq, acknowledged, resumed) }
    })
    .filter(range => range.afterSeq < range.lastSeq)
}

const sendMissing = async (
  deps: ReplayDeps,
  job: Extract<ConnectionReplayJob, { kind: 'connect' | 'missing' }>,
  sender: RangeSender,
): Promise<{ ended: Outcome; replayed: number }> => {
  const { userId } = job.connection
  let replayed = job.replayed
  for (const range of await undelivered(deps, userId, job.progress)) {
    const { outcome, sent, throughSeq, delaySeconds } = await sendRange(sender, range, userId)
    replayed += sent
    if (outcome === 'gone') return { ended: { outcome }, replayed }
    if (outcome === 'later') {
      const progress = { conversationId: range.conversationId, seq: throughSeq }
      return { ended: { outcome, delaySeconds, next: { ...job, progress, replayed } }, replayed }
    }
  }
  return { ended: finished, replayed }
}

/** Sends the event that ends a job; what is to come again when it did not get there is `next`. */
const conclude = async (
  { clock }: ReplayDeps,
  sender: RangeSender,
  event: ServerEvent,
  next: ConnectionReplayJob,
): Promise<Outcome> => {
  const answer = await sender.send(frameOf(event, clock.now()))
  if (answer.outcome === 'later') return { ...answer, next }
  return answer.outcome === 'gone' ? { outcome: 'gone' } : finished
}

const runConnect: Run<'connect'> = async (deps, job, sender) => {
  const { connection } = job
  const { ended, replayed } = job.withReplay
    ? await sendMissing(deps, job, sender)
    : { ended: finished, replayed: job.replayed }
  if (ended.outcome !== 'done') return ended
  const { total } = await unreadCounts(deps, connection.userId)
  const data = {
    connectionId: connection.id,
    userId: connection.userId,
    replayed,
    unreadTotal: total,
    serverTime: deps.clock.now().toISOString(),
    settings: { ...clientSettings, heartbeatSeconds: deps.settings.heartbeatSeconds },
  }
  const next = { ...job, progress: end, replayed }
  const concluded = await conclude(deps, sender, { event: 'session.ready', data }, next)
  if (concluded.outcome === 'done') measure('ReplayAge', deps.clock.now().getTime() - connection.connectedAt)
  return concluded
}

const runMissing: Run<'missing'> = async (deps, job, sender) => (await sendMissing(deps, job, sender)).ended

const runSync: Run<'sync'> = async (deps, job, sender) => {
  const { userId, businessId } = job.connection
  const standings = await findStandings(
    deps.db,
    { id: userId, ...(businessId !== undefined && { businessId }) },
    job.conversations.map(({ id }) => id),
  )
  const completed = [...job.completed]
  for (const [index, { id, afterSeq }] of job.conversations.entries()) {
    const standing = standings.get(id)
    if (!standing) continue
    const { lastSeq, joinedSeq } = standing
    const range = { conversationId: id, afterSeq: Math.max(afterSeq, joinedSeq), lastSeq }
    const result =
      range.afterSeq < lastSeq
        ? await sendRange(sender, range, userId, deps.settings.syncLimit)
        : { outcome: 'done' as const, throughSeq: lastSeq, hasMore: false, delaySeconds: 0 }
    const { outcome, throughSeq, hasMore, delaySeconds } = result
    if (outcome === 'gone') return { outcome }
    if (outcome === 'later') {
      const conversations = [{ id, afterSeq: throughSeq }, ...job.conversations.slice(index + 1)]
      return { outcome, delaySeconds, next: { ...job, conversations, completed } }
    }
    completed.push({ id, throughSeq, hasMore })
  }
  // Whoever hears of the end may ask again at once.
  await releaseSync(deps.redis, job.connection.id)
  const data = { requestId: job.requestId, conversations: completed }
  return conclude(deps, sender, { event: 'sync.completed', data }, { ...job, conversations: [], completed })
}

const runEnding: Run<'expired' | 'limited'> = async ({ push }, job, sender) => {
  const problem =
    job.kind === 'expired'
      ? new Problem('token_expired', 'The token of this connection has expired. Connect with a new one.')
      : new Problem('rate_limited', 'Too many frames within a minute.', { retryAfterSeconds: job.retryAfterSeconds })
  await sender.send(JSON.stringify({ event: 'error', error: problemDocument(problem, job.id) }))
  await push.close(job.connection.id)
  return finished
}

const run = (deps: ReplayDeps, job: ConnectionReplayJob, sender: RangeSender): Promise<Outcome> => {
  switch (job.kind) {
    case 'connect':
      return runConnect(deps, job, sender)
    case 'missing':
      return runMissing(deps, job, sender)
    case 'sync':
      return runSync(deps, job, sender)
    case 'expired':
    case 'limited':
      return runEnding(deps, job, sender)
  }
}

const senderOf = (
  deps: ReplayDeps,
  { connection }: ConnectionReplayJob,
  lease: Lease,
  remainingMs: () => number,
): RangeSender => ({
  db: deps.db,
  contentKeys: deps.contentKeys,
  clock: deps.clock,
  pageSize: deps.settings.pageSize,
  mayGoOn: async () => remainingMs() > handOverMs && (await lease.renew()),
  send: async (frame): Promise<SendOutcome> => {
    const outcome = await deps.push.send(connection.id, frame)
    if (outcome === 'sent') return { outcome }
    const now = deps.clock.now()
    if (outcome === 'gone' && now.getTime() - connection.connectedAt > youngConnectionMs) {
      await deps.switchboard.disconnect(connection, now)
      return { outcome }
    }
    // A young connection may still be inside `$connect`; a push that failed may succeed in a moment.
    return { outcome: 'later', delaySeconds: outcome === 'gone' ? 1 : 2 }
  },
})

const queueNext = async ({ replays }: ReplayDeps, job: ConnectionReplayJob, delaySeconds: number): Promise<void> => {
  if (job.hop < maxHops) return replays.send({ ...job, hop: job.hop + 1 }, delaySeconds)
  logger.error('A replay was given up', { kind: job.kind, hops: job.hop })
}

/** A copy that SQS delivers comes at nearly the same time; a job that failed comes again later than this. */
const putOffMs = 60_000

/**
 * Has a job come again when the replay that its connection has now may be over. It stays the same job: where that replay does
 * this very job, which SQS delivered twice, it is found to be done then. Of such copies one is put off and the others are dropped.
 */
const putOff = async ({ redis, replays }: ReplayDeps, job: ConnectionReplayJob): Promise<void> => {
  const { waits = 0 } = job
  if (waits >= maxHops) {
    logger.error('A replay was given up', { kind: job.kind, waits })
    return
  }
  if (!(await markDone(redis, `replay-wait:${job.id}:${job.hop}:${waits}`, putOffMs))) return
  await replays.send({ ...job, waits: waits + 1 }, busyDelaySeconds)
}

/** Long enough for Redis to be back, or for the sweep to have found the message by itself. */
const unroutedDelaySeconds = 15
const maxUnroutedHops = 20

/** Of a business nothing is ever missing, because it has no positions: its sockets get the message itself. */
const tellBusiness = async (
  deps: ReplayDeps,
  { conversationId, seq }: UnroutedJob,
  connections: readonly Connection[],
): Promise<void> => {
  if (connections.length === 0) return
  const range = { conversationId, above: seq - 1, below: seq + 1, direction: 'asc', limit: 1 } as const
  const [row] = await listMessages(deps, range, visibleAt(deps.clock.now()))
  if (row) await pushTo(deps, connections, () => ({ event: 'message.created', data: { message: seenByOthers(row) } }))
}

/** Looks the recipients of a message up again, and has each live connection of theirs get what it is missing. */
const routeAgain = async (deps: ReplayDeps, job: UnroutedJob): Promise<void> => {
  try {
    const { connections } = await deps.switchboard.route(job, deps.clock.now())
    const ofBusiness = connections.filter(({ userId }) => userId === job.businessId)
    const ofOthers = connections.filter(({ userId }) => userId !== job.businessId && userId !== job.senderId)
    await deps.replays.sendAll(ofOthers.map(connection => ({ job: missingJob(connection) })))
    await tellBusiness(deps, job, ofBusiness)
  } catch (error) {
    if (job.hop >= maxUnroutedHops) throw error
    await deps.replays.send({ ...job, hop: job.hop + 1 }, unroutedDelaySeconds)
  }
}

/**
 * For what comes after the work: that has been done, and must not come again because of this. Without its mark a copy that SQS
 * delivers does it once more; a lease that is not released runs out.
 */
const evenWithoutRedis = async ({ kind }: ConnectionReplayJob, work: () => Promise<unknown>): Promise<void> => {
  try {
    await work()
  } catch (error) {
    logger.warn('A replay could not be marked as done or release its lease', { kind, error: error as Error })
  }
}

const replayToConnection = async (
  deps: ReplayDeps,
  job: ConnectionReplayJob,
  remainingMs: () => number,
): Promise<void> => {
  const { connection } = job
  const lease = await takeLease(deps.redis, `replay:${connection.id}`, leaseMs)
  const doneName = `replay:${job.id}:${job.hop}`
  if (!lease) {
    if (job.kind !== 'missing' && !(await isDone(deps.redis, doneName))) await putOff(deps, job)
    return
  }
  try {
    if (await isDone(deps.redis, doneName)) return
    if (job.hop === 0 && 'cameOnline' in job && job.cameOnline) await announceOnline(deps, connection.userId)
    if (job.hop === 0 && 'cameOnline' in job) await welcomeAgent(deps, connection.userId)
    const result = await run(deps, job, senderOf(deps, job, lease, remainingMs))
    if (result.outcome === 'later') await queueNext(deps, { ...result.next, outages: 0 }, result.delaySeconds)
    await evenWithoutRedis(job, () => markDone(deps.redis, doneName, doneMs))
  } finally {
    await evenWithoutRedis(job, () => lease.release())
  }
}

/** While a store is down a job waits in the queue, longer each time, rather than for the visibility time-out: that is minutes. */
const longestWaitSeconds = 60

const waitSeconds = (outages: number): number => {
  const most = Math.min(2 ** Math.min(outages, 10), longestWaitSeconds)
  return Math.ceil(most / 2 + (Math.random() * most) / 2)
}

/**
 * Brings one connection what it is to get, in `seq` order for each conversation. One replay at a time for each connection: a
 * second one waits, and where it would only repeat the first (`missing`) it is dropped. Safe to run twice and beside live
 * pushes; what is missing is computed anew each time, so a job that died half way costs duplicates, never a loss. A long one
 * goes on in a follow-up job before `remainingMs` is used up, and one that meets a store that is down is tried again later.
 */
export const replay = async (deps: ReplayDeps, job: ReplayJob, remainingMs: () => number): Promise<void> => {
  if (job.kind === 'unrouted') return routeAgain(deps, job)
  try {
    const { id: connectionId, userId } = job.connection
    await withLogIds({ connectionId, userId }, () => replayToConnection(deps, job, remainingMs))
  } catch (error) {
    if (asProblem(error).code !== 'store_unavailable') throw error
    logger.warn('A replay waits for a store', { kind: job.kind, error: error as Error })
    const { outages = 0 } = job
    await queueNext(deps, { ...job, outages: outages + 1 }, waitSeconds(outages))
  }
}
