import { logger } from '../platform/logger.ts'
import { asProblem } from '../platform/problems.ts'
import { keys, timeToLive } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import { queuedOf } from './assignment-changes.ts'
import { type BusinessConversationRow, listUnanswered, listUntold } from './business-conversations.repository.ts'
import { listUnsettled, listWaitingFor } from './businesses.repository.ts'
import { putAllIntoQueue } from './queue.ts'
import { assignWaiting, type BusinessDeps, presenceOf, takeTurn } from './turn.ts'
import { tellToWait } from './waiting.ts'

/** Whoever queues a conversation tells its customer at once; who has not by then has died. */
const untoldMs = 10_000

/** Since when these users, who are offline and of whom Redis does not know since when, were found so. One round trip. */
const notedMissing = async ({ redis }: BusinessDeps, userIds: readonly string[], now: Date): Promise<number[]> => {
  if (userIds.length === 0) return []
  const pipeline = redis.pipeline()
  for (const userId of userIds) {
    pipeline.set(keys.missing(userId), now.getTime(), 'EX', timeToLive.missing, 'NX', 'GET')
  }
  return (await runPipeline(pipeline)).map(since => (since === null ? now.getTime() : Number(since)))
}

/** The agents among these who are offline, and since when, in milliseconds since 1970. */
const offlineSince = async (deps: BusinessDeps, agentIds: readonly string[]): Promise<Map<string, number>> => {
  const presence = await presenceOf(deps, agentIds)
  const offline = agentIds.filter(agentId => presence.get(agentId)?.status === 'offline')
  const lastSeenOf = (agentId: string) => presence.get(agentId)?.lastSeenAt ?? null
  const unknown = offline.filter(agentId => lastSeenOf(agentId) === null)
  const noted = await notedMissing(deps, unknown, deps.clock.now())
  const since = new Map(unknown.map((agentId, index) => [agentId, noted[index] ?? 0]))
  for (const agentId of offline) {
    const lastSeenAt = lastSeenOf(agentId)
    if (lastSeenAt !== null) since.set(agentId, Date.parse(lastSeenAt))
  }
  return since
}

const agentsOf = (chats: readonly BusinessConversationRow[]): string[] => [
  ...new Set(chats.flatMap(({ agent_id }) => agent_id ?? [])),
]

/** A turn gives out a hundred in a second or two. What is left then is for the next look. */
const mostTurns = 10
/** A job has a minute; the next one goes on with those behind. */
const businessesOfJob = 25
/** Each is told in a transaction of its own. */
const mostUntold = 100

/** Turn after turn, until nobody can take more; returns how many were given out. */
const giveOut = async (deps: BusinessDeps, businessId: string): Promise<number> => {
  let given = 0
  for (let turns = 0; turns < mostTurns; turns += 1) {
    const { changes, hasMore } = await takeTurn(deps, businessId, async () => {})
    given += changes.size
    if (!hasMore) break
  }
  return given
}

/** Takes back what agents who have gone never answered, gives what waits to whoever can take it; returns how many changed. */
const settle = async (deps: BusinessDeps, businessId: string, graceMs: number): Promise<number> => {
  const gone = await offlineSince(deps, agentsOf(await listUnanswered(deps.db, businessId)))
  const { changes, hasMore } = await takeTurn(deps, businessId, async turn => {
    const latest = turn.now.getTime() - graceMs
    const isLeft = ({ agent_id, assigned_at }: BusinessConversationRow): boolean => {
      const since = gone.get(agent_id ?? '')
      if (since === undefined || turn.online.has(agent_id ?? '')) return false
      return Math.max(since, assigned_at?.getTime() ?? 0) <= latest
    }
    const unanswered = await listUnanswered(turn.trx, businessId)
    await putAllIntoQueue(turn, unanswered.filter(isLeft))
  })
  const before = new Date(deps.clock.now().getTime() - untoldMs)
  const untold = await listUntold(deps.db, businessId, { before, limit: mostUntold })
  await tellToWait(deps, new Set([...queuedOf(changes), ...untold]))
  return changes.size + (hasMore ? await giveOut(deps, businessId) : 0)
}

/**
 * Looks at 25 businesses where somebody waits or has no answer, in the order of their ids, behind `after`: for those that have
 * opened, whose agents have gone, and for whatever a function left when it ended. `lastId`: behind it are others. One that fails
 * holds up no other, unless it is because a store is down. Safe to run twice and beside everything else.
 */
export const sweepBusinesses = async (
  deps: BusinessDeps,
  { after, graceMs }: { after: string | undefined; graceMs: number },
): Promise<{ found: number; lastId: string | null }> => {
  const businessIds = await listUnsettled(deps.db, after, businessesOfJob)
  let found = 0
  for (const businessId of businessIds) {
    try {
      found += await settle(deps, businessId, graceMs)
    } catch (error) {
      if (asProblem(error).code === 'store_unavailable') throw error
      logger.error('A business could not be swept', { businessId, error: error as Error })
    }
  }
  return { found, lastId: businessIds.length < businessesOfJob ? null : (businessIds.at(-1) ?? null) }
}

/** Gives an agent who has just connected what waits for them. Never rejects: the sweep does it again. */
export const welcomeAgent = async (deps: BusinessDeps, userId: string): Promise<void> => {
  try {
    for (const businessId of await listWaitingFor(deps.db, userId)) await assignWaiting(deps, businessId)
  } catch (error) {
    logger.warn('What waits was not given to an agent who came online', error as Error)
  }
}
