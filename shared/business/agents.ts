import * as z from 'zod'
import type { Audit } from '../audit/audit.ts'
import type { Viewer } from '../auth/caller.ts'
import { decodeCursor, encodeCursor } from '../platform/cursor.ts'
import { Problem } from '../platform/problems.ts'
import type { Presence } from '../presence/presence.schema.ts'
import { mentionUsers } from '../users/users.ts'
import { leaveConversations } from './agent-departure.ts'
import { deleteAgent, insertAgent, type LoadedAgent, listAgents, updateAgent } from './agents.repository.ts'
import type { Agent, AgentPage, AgentStatsPage, AgentsQuery, ConfigureAgent } from './business.schema.ts'
import { agentFigures, noFigures } from './stats.repository.ts'
import { assignWaiting, type BusinessDeps, changeBusiness, presenceOf } from './turn.ts'

const agentNotFound = () => new Problem('not_found', 'The business has no such agent.')

const viewOf = (row: LoadedAgent, presence: Presence | undefined): Agent => ({
  agentId: row.agent_id,
  isAvailable: row.is_available,
  status: presence?.status ?? 'offline',
  lastSeenAt: presence?.lastSeenAt ?? null,
  activeChats: row.load,
  maxConcurrentChats: row.max_concurrent_chats,
  skills: row.skills,
  addedAt: row.added_at.toISOString(),
})

const viewsOf = async (deps: BusinessDeps, rows: readonly LoadedAgent[]): Promise<Agent[]> => {
  const presence = await presenceOf(
    deps,
    rows.map(row => row.agent_id),
  )
  return rows.map(row => viewOf(row, presence.get(row.agent_id)))
}

const Position = z.tuple([z.iso.datetime(), z.uuid()])

/** The agents of a business in the order in which they were added, page by page. One statement and one Redis round trip. */
export const listBusinessAgents = async (
  deps: BusinessDeps,
  businessId: string,
  { cursor, limit }: AgentsQuery,
): Promise<AgentPage> => {
  const scope = JSON.stringify(['agents', businessId])
  const position = cursor === undefined ? undefined : decodeCursor(scope, Position, cursor)
  const behind = position && { addedAt: new Date(position[0]), agentId: position[1] }
  const rows = await listAgents(deps.db, businessId, { behind, limit: limit + 1 })
  const items = await viewsOf(deps, rows.slice(0, limit))
  const last = items.at(-1)
  const hasMore = rows.length > limit && last
  return { items, nextCursor: hasMore ? encodeCursor(scope, [last.addedAt, last.agentId]) : null }
}

/** The same with what each has done. One statement more. */
export const listAgentsWithStats = async (
  deps: BusinessDeps,
  businessId: string,
  query: AgentsQuery,
): Promise<AgentStatsPage> => {
  const [{ items, nextCursor }, figures] = await Promise.all([
    listBusinessAgents(deps, businessId, query),
    agentFigures(deps.db, businessId),
  ])
  return { items: items.map(agent => ({ ...agent, ...(figures.get(agent.agentId) ?? noFigures) })), nextCursor }
}

const viewOne = async (deps: BusinessDeps, businessId: string, agentId: string): Promise<Agent> => {
  const rows = await listAgents(deps.db, businessId)
  const [agent] = await viewsOf(
    deps,
    rows.filter(row => row.agent_id === agentId),
  )
  if (!agent) throw agentNotFound()
  return agent
}

interface Appointment {
  /** Who asks. */
  caller: Viewer
  businessId: string
  agentId: string
}

const recordAppointment = (
  audit: Audit,
  action: 'agent.added' | 'agent.removed',
  { caller, businessId, agentId }: Appointment,
): Promise<void> =>
  audit.record({ action, userId: caller.id, businessId: caller.businessId, target: { businessId, agentId } })

/** Makes a user an agent of the business, available, with the usual limit and no skills. `created`: they were none before. */
export const addAgent = async (
  deps: BusinessDeps,
  appointment: Appointment,
): Promise<{ agent: Agent; created: boolean }> => {
  const { businessId, agentId } = appointment
  const created = await changeBusiness(deps, businessId, async ({ trx, now }) => {
    await mentionUsers(trx, [agentId], now)
    return insertAgent(trx, businessId, agentId, now)
  })
  if (created) {
    await recordAppointment(deps.audit, 'agent.added', appointment)
    // Who is new may be online, which nobody looked at before they were an agent.
    await assignWaiting(deps, businessId)
  }
  return { agent: await viewOne(deps, businessId, agentId), created }
}

/**
 * Ends a user's work for the business: what they have goes to others, or back into the queue, and they see nothing of it any
 * more, nor of what was theirs and is closed. Throws `not_found`.
 */
export const removeAgent = async (deps: BusinessDeps, appointment: Appointment): Promise<void> => {
  const { businessId, agentId } = appointment
  await changeBusiness(deps, businessId, async turn => {
    if (!(await deleteAgent(turn.trx, businessId, agentId))) throw agentNotFound()
    await leaveConversations(turn, agentId)
  })
  await recordAppointment(deps.audit, 'agent.removed', appointment)
}

/**
 * Sets how many chats an agent may have, and what they know. A limit below what they have takes nothing from them: they get
 * nothing new until they are below it. Throws `not_found`.
 */
export const configureAgent = async (
  deps: BusinessDeps,
  { businessId, agentId }: { businessId: string; agentId: string },
  { maxConcurrentChats, skills }: ConfigureAgent,
): Promise<Agent> => {
  await changeBusiness(deps, businessId, async ({ trx }) => {
    const change = { max_concurrent_chats: maxConcurrentChats, skills }
    if (!(await updateAgent(trx, businessId, agentId, change))) throw agentNotFound()
  })
  return viewOne(deps, businessId, agentId)
}

/** Says whether an agent takes new chats; those they have stay theirs. Throws `not_found`. */
export const setAvailability = async (
  deps: BusinessDeps,
  { businessId, agentId }: { businessId: string; agentId: string },
  isAvailable: boolean,
): Promise<Agent> => {
  await changeBusiness(deps, businessId, async ({ trx }) => {
    if (!(await updateAgent(trx, businessId, agentId, { is_available: isAvailable }))) throw agentNotFound()
  })
  return viewOne(deps, businessId, agentId)
}
