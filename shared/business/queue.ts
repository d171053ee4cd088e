import type { Transaction } from 'kysely'
import { lockConversation } from '../conversations/conversations.repository.ts'
import { insertParticipants, listParticipants, removeParticipant } from '../conversations/participants.repository.ts'
import type { Database } from '../database/schema.ts'
import { type LoadedAgent, listAgents, updateAgent } from './agents.repository.ts'
import { type AssignmentChanges, noteChange } from './assignment-changes.ts'
import {
  type BusinessConversationRow,
  listQueue,
  type Standing,
  setStatus,
} from './business-conversations.repository.ts'
import { type BusinessRow, countAssignment } from './businesses.repository.ts'
import { type Candidate, canTakeOne, chooseAgent } from './choose-agent.ts'
import { hoursStatus } from './hours.ts'

/** The right to decide about one business's conversations: a transaction that holds the lock of the business. */
export interface Turn {
  trx: Transaction<Database>
  business: BusinessRow
  /** Agents who were online when the turn was asked for. */
  online: ReadonlySet<string>
  now: Date
  /** Agents who are not to get a conversation back in this turn, by conversation. */
  notTo: Map<string, string>
  /** What it has changed so far. */
  changes: AssignmentChanges
  /** Others could be given out, by the next turn. */
  hasMore: boolean
}

export const candidateOf = (agent: LoadedAgent, online: ReadonlySet<string>): Candidate => ({
  agentId: agent.agent_id,
  isAvailable: agent.is_available,
  isOnline: online.has(agent.agent_id),
  load: agent.load,
  maxConcurrentChats: agent.max_concurrent_chats,
  skills: agent.skills,
  lastAssignment: agent.last_assignment,
})

/** A turn gives out no more than these, so that it takes a second at most; a business that opens may have thousands waiting. */
const mostOfTurn = 100

/** Whether chats are given to agents at this time: hours that are not enforced are for show. */
export const isTaking = ({ hours }: BusinessRow, now: Date): boolean =>
  !hours?.enforced || hoursStatus(hours, now).isOpen

export const listCandidates = async ({ trx, business, online }: Turn): Promise<Candidate[]> =>
  (await listAgents(trx, business.id)).map(agent => candidateOf(agent, online))

/**
 * Ends the part of whoever is the conversation's agent, but `stays`, whose part ends when they are in it as anything else: they
 * join anew, as its agent. The conversation is locked. `left`: whose ended for good; `isPresent`: `stays` is its agent already.
 */
const dismiss = async ({ trx, now }: Turn, conversationId: string, stays: string | null) => {
  const participants = await listParticipants(trx, [conversationId])
  const leaving = participants.filter(({ role, user_id }) => (role === 'agent') !== (user_id === stays))
  for (const participant of leaving) await removeParticipant(trx, participant, now)
  return {
    left: leaving.map(({ user_id }) => user_id).filter(userId => userId !== stays),
    isPresent: participants.some(({ role, user_id }) => role === 'agent' && user_id === stays),
  }
}

/** Gives a conversation to an agent, who sees it from its start; the one before sees nothing of it any more. */
export const giveTo = async (
  turn: Turn,
  chat: BusinessConversationRow,
  agentId: string,
  standing: Standing = {},
): Promise<void> => {
  const { trx, business, now, changes } = turn
  const conversationId = chat.conversation_id
  await lockConversation(trx, conversationId)
  await updateAgent(trx, business.id, agentId, { last_assignment: await countAssignment(trx, business.id) })
  await setStatus(trx, conversationId, 'assigned', {
    agent_id: agentId,
    assigned_at: now,
    answered_at: null,
    closed_at: null,
    ...standing,
  })
  const { left, isPresent } = await dismiss(turn, conversationId, agentId)
  if (!isPresent) {
    const users = [{ userId: agentId, role: 'agent' as const }]
    await insertParticipants(trx, { conversationId, users, joinedSeq: 0 }, now)
  }
  noteChange(changes, chat, { status: 'assigned', agentId, joined: isPresent ? null : agentId, left })
}

/** Puts a conversation into the queue, where its place is that of its priority and of its waiting. */
export const putIntoQueue = async (
  turn: Turn,
  chat: BusinessConversationRow,
  standing: Standing = {},
): Promise<void> => {
  await lockConversation(turn.trx, chat.conversation_id)
  await setStatus(turn.trx, chat.conversation_id, 'queued', {
    agent_id: null,
    assigned_at: null,
    answered_at: null,
    closed_at: null,
    ...standing,
  })
  const { left } = await dismiss(turn, chat.conversation_id, null)
  noteChange(turn.changes, chat, { status: 'queued', left })
}

/** The same with several, one after the other in the order of their ids, in which everybody locks several participants. */
export const putAllIntoQueue = async (turn: Turn, chats: readonly BusinessConversationRow[]): Promise<void> => {
  const inOrder = chats.toSorted((one, other) => (one.conversation_id < other.conversation_id ? -1 : 1))
  for (const chat of inOrder) await putIntoQueue(turn, chat)
}

/** Nobody is the agent of a conversation in which they are the customer. */
const candidatesFor = (
  candidates: readonly Candidate[],
  { customer_id, conversation_id }: BusinessConversationRow,
  { notTo }: Turn,
): Candidate[] => candidates.filter(({ agentId }) => agentId !== customer_id && agentId !== notTo.get(conversation_id))

/** Gives one conversation to whomever the business' strategy chooses; false when nobody can take it now. */
export const giveToAnybody = async (turn: Turn, chat: BusinessConversationRow): Promise<boolean> => {
  if (!isTaking(turn.business, turn.now)) return false
  const candidates = candidatesFor(await listCandidates(turn), chat, turn)
  const chosen = chooseAgent(candidates, { strategy: turn.business.strategy, category: chat.category })
  if (!chosen) return false
  await giveTo(turn, chat, chosen.agentId)
  return true
}

/**
 * Gives what is queued to agents, more urgent first, then longest waiting, until nobody can take more. An agent can take any
 * conversation (a skill only goes first), but for one of their own as a customer, or one that was just taken from them: such a
 * conversation is passed over, no other. One turn gives out 100 at most.
 */
export const drainQueue = async (turn: Turn): Promise<void> => {
  const { trx, business, now } = turn
  if (!isTaking(business, now)) return
  let candidates = await listCandidates(turn)
  const places = candidates
    .filter(canTakeOne)
    .reduce((sum, { load, maxConcurrentChats }) => sum + maxConcurrentChats - load, 0)
  if (places === 0) return
  // A customer has one conversation that is not closed, so at most as many can be passed over as there are agents.
  const most = Math.min(places, mostOfTurn)
  const waiting = await listQueue(trx, business.id, most + candidates.length + turn.notTo.size)
  let given = 0
  for (const chat of waiting) {
    const { strategy } = business
    const chosen = chooseAgent(candidatesFor(candidates, chat, turn), { strategy, category: chat.category })
    if (!chosen) continue
    if (given === mostOfTurn) {
      turn.hasMore = true
      return
    }
    await giveTo(turn, chat, chosen.agentId)
    given += 1
    const newest = Math.max(...candidates.map(({ lastAssignment }) => lastAssignment)) + 1
    candidates = candidates.map(candidate =>
      candidate === chosen ? { ...chosen, load: chosen.load + 1, lastAssignment: newest } : candidate,
    )
  }
}
