import type { Kysely } from 'kysely'
import { participantView } from '../conversations/conversation.view.ts'
import { findConversation } from '../conversations/conversations.repository.ts'
import { loadViews } from '../conversations/load-views.ts'
import { listParticipants } from '../conversations/participants.repository.ts'
import type { Database } from '../database/schema.ts'
import { type FanOutDeps, fanOut } from '../delivery/fan-out.ts'
import { missingJob, type ReplayQueue } from '../delivery/replay.jobs.ts'
import { logger } from '../platform/logger.ts'
import type { DeliveredPositions } from '../receipts/delivered.ts'
import type { AssignmentChange, AssignmentChanges } from './assignment-changes.ts'

export type AnnounceDeps = FanOutDeps & { db: Kysely<Database>; delivered: DeliveredPositions; replays: ReplayQueue }

/** A new agent's clients get the conversation, and all of its messages. */
const introduce = async (deps: AnnounceDeps, conversationId: string, agentId: string): Promise<void> => {
  const row = await findConversation(deps.db, conversationId)
  const [conversation] = await loadViews(deps, { id: agentId }, row ? [row] : [])
  if (!conversation) return
  await fanOut(deps, [agentId], { event: 'conversation.created', data: { conversation } })
  if (conversation.lastSeq === 0) return
  const connections = await deps.switchboard.connectionsOf([agentId])
  await deps.replays.sendAll(connections.map(connection => ({ job: missingJob(connection) })))
}

const announceOne = async (deps: AnnounceDeps, businessId: string, change: AssignmentChange): Promise<void> => {
  const { conversationId, status, agentId, hasJoined, left } = change
  const participants = await listParticipants(deps.db, [conversationId])
  const present = [...participants.map(({ user_id }) => user_id), businessId]
  const agent = participants.find(({ user_id }) => hasJoined && user_id === agentId)
  if (agent) {
    await introduce(deps, conversationId, agent.user_id)
    const others = present.filter(userId => userId !== agent.user_id)
    const data = { conversationId, participant: participantView(agent) }
    await fanOut(deps, others, { event: 'participant.added', data })
  }
  const gone = left.filter(userId => !present.includes(userId))
  const everybody = [...new Set([change.customerId, ...present, ...gone])]
  await fanOut(deps, everybody, { event: 'assignment.changed', data: { conversationId, status, agentId } })
  for (const userId of gone) {
    await fanOut(deps, everybody, { event: 'participant.removed', data: { conversationId, userId } })
  }
}

/**
 * Tells the customer, the agents concerned and the business what has become of conversations. Never rejects: all of it is in
 * Postgres, where a client that was not reached finds it.
 */
export const announceChanges = async (
  deps: AnnounceDeps,
  businessId: string,
  changes: AssignmentChanges,
): Promise<void> => {
  try {
    for (const change of changes.values()) await announceOne(deps, businessId, change)
  } catch (error) {
    logger.warn('A change of assignment was not told to everybody', error as Error)
  }
}
