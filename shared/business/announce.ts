import type { Viewer } from '../auth/caller.ts'
import { participantView } from '../conversations/conversation.view.ts'
import { findConversation } from '../conversations/conversations.repository.ts'
import type { Conversation } from '../conversations/conversations.schema.ts'
import { type LoadViewsDeps, loadViews } from '../conversations/load-views.ts'
import { listParticipants } from '../conversations/participants.repository.ts'
import { type FanOutDeps, fanOut } from '../delivery/fan-out.ts'
import { missingJob, type ReplayQueue } from '../delivery/replay.jobs.ts'
import { logger } from '../platform/logger.ts'
import type { AssignmentChange, AssignmentChanges } from './assignment-changes.ts'
import { findBusinessConversation } from './business-conversations.repository.ts'

export type AnnounceDeps = FanOutDeps & LoadViewsDeps & { replays: ReplayQueue }

/** Brings a conversation, as they see it, to the clients of somebody who did not have it. */
const introduce = async (
  deps: AnnounceDeps,
  conversationId: string,
  viewer: Viewer,
): Promise<Conversation | undefined> => {
  const row = await findConversation(deps.db, conversationId)
  const [conversation] = await loadViews(deps, viewer, row ? [row] : [])
  if (conversation) await fanOut(deps, [viewer.id], { event: 'conversation.created', data: { conversation } })
  return conversation
}

/** A new agent's clients get the conversation, and all of its messages. */
const introduceAgent = async (deps: AnnounceDeps, conversationId: string, agentId: string): Promise<void> => {
  const conversation = await introduce(deps, conversationId, { id: agentId })
  if (!conversation || conversation.lastSeq === 0) return
  const connections = await deps.switchboard.connectionsOf([agentId])
  await deps.replays.sendAll(connections.map(connection => ({ job: missingJob(connection) })))
}

/** Whose it is is read last: where two turns tell of a conversation at the same time, neither is to tell what is over by then. */
const announceOne = async (
  deps: AnnounceDeps,
  businessId: string,
  { conversationId, customerId, isNew, joined, left }: AssignmentChange,
): Promise<void> => {
  const participants = await listParticipants(deps.db, [conversationId])
  const present = [...participants.map(({ user_id }) => user_id), businessId]
  if (isNew) await introduce(deps, conversationId, { id: businessId, businessId })
  const agent = participants.find(({ role, user_id }) => role === 'agent' && user_id === joined)
  if (agent) {
    await introduceAgent(deps, conversationId, agent.user_id)
    const others = present.filter(userId => userId !== agent.user_id)
    const data = {
      conversationId,
      participant: participantView(agent, await deps.profiles.load({ userIds: [agent.user_id] })),
    }
    await fanOut(deps, others, { event: 'participant.added', data })
  }
  const gone = left.filter(userId => !present.includes(userId))
  const everybody = [...new Set([customerId, ...present, ...gone])]
  const chat = await findBusinessConversation(deps.db, conversationId)
  if (!chat) return
  const assignment = { conversationId, status: chat.status, agentId: chat.agent_id }
  await fanOut(deps, everybody, { event: 'assignment.changed', data: assignment })
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
