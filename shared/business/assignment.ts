import type { AuditAction } from '../audit/audit.ts'
import type { Viewer } from '../auth/caller.ts'
import type { SendDeps } from '../messages/send-message.ts'
import { measure } from '../platform/metrics.ts'
import { Problem } from '../platform/problems.ts'
import { noteAskedFor, noteChange } from './assignment-changes.ts'
import type { OpenedConversation } from './business.schema.ts'
import { type BusinessConversationRow, setStatus } from './business-conversations.repository.ts'
import { canTakeOne } from './choose-agent.ts'
import { lockChat, requireChat } from './permissions.ts'
import { giveTo, giveToAnybody, listCandidates, putIntoQueue, type Turn } from './queue.ts'
import { reopenIn } from './reopen.ts'
import { changeBusiness } from './turn.ts'
import { viewWithAssignment } from './views.ts'

interface Target {
  caller: Viewer
  conversationId: string
}

interface Asked {
  action: AuditAction
  /** Who may. */
  role: 'manager' | 'agent'
  reason?: string | undefined
}

/** Changes one conversation, which is locked, in a turn of its business, and answers with what it has become. */
const changeChat = async (
  deps: SendDeps,
  { caller, conversationId }: Target,
  { action, role, reason }: Asked,
  change: (turn: Turn, chat: BusinessConversationRow) => Promise<void>,
): Promise<OpenedConversation> => {
  const { business_id } = await requireChat(deps.db, caller, conversationId, role)
  await changeBusiness(deps, business_id, async turn => {
    // It may have gone to another agent while this one waited for their turn.
    await change(turn, await lockChat(turn.trx, caller, conversationId, role))
    noteAskedFor(turn.changes, conversationId, { action, userId: caller.id, businessId: caller.businessId, reason })
  })
  return viewWithAssignment(deps, { viewer: caller, conversationId, businessId: business_id })
}

const requireOpen = ({ status }: BusinessConversationRow): void => {
  if (status === 'closed') throw new Problem('conversation_closed', 'The conversation is closed. Open it again first.')
}

const requireAble = async (turn: Turn, chat: BusinessConversationRow, agentId: string): Promise<void> => {
  const candidate = (await listCandidates(turn)).find(each => each.agentId === agentId)
  if (!candidate) throw new Problem('not_found', 'The business has no such agent.')
  if (!canTakeOne(candidate) || agentId === chat.customer_id) {
    throw new Problem(
      'agent_not_available',
      'The agent is offline, not available, or has as many chats as they may have.',
    )
  }
}

/**
 * Gives a queued conversation to an agent of the business's choice, also out of hours. The agent has to be online, available and
 * below their limit. Repeating it changes nothing. Throws `already_assigned` (reassign it instead), `agent_not_available`,
 * `conversation_closed`.
 */
export const assignConversation = (
  deps: SendDeps,
  { agentId, ...target }: Target & { agentId: string },
): Promise<OpenedConversation> =>
  changeChat(deps, target, { action: 'conversation.assigned', role: 'manager' }, async (turn, chat) => {
    requireOpen(chat)
    if (chat.agent_id === agentId) return
    if (chat.agent_id !== null) throw new Problem('already_assigned', 'Another agent has it. Reassign it instead.')
    await requireAble(turn, chat, agentId)
    await giveTo(turn, chat, agentId)
  })

/**
 * Takes a conversation from its agent, who sees nothing of it any more, and gives it to another, who sees it from its start: the
 * one who is named, or else whom the strategy chooses; with nobody to take it, it is queued. Throws as `assignConversation`.
 */
export const reassignConversation = (
  deps: SendDeps,
  { agentId, reason, ...target }: Target & { agentId?: string | undefined; reason?: string | undefined },
): Promise<OpenedConversation> =>
  changeChat(deps, target, { action: 'conversation.reassigned', role: 'manager', reason }, async (turn, chat) => {
    requireOpen(chat)
    if (agentId === chat.agent_id) return
    if (agentId === undefined) {
      // One that nobody has keeps its place in the queue, of which the turn gives out what it can in any case.
      if (chat.agent_id === null) return
      turn.notTo.set(chat.conversation_id, chat.agent_id)
      if (!(await giveToAnybody(turn, chat))) await putIntoQueue(turn, chat)
      return
    }
    await requireAble(turn, chat, agentId)
    await giveTo(turn, chat, agentId)
  })

/** Of a conversation that was opened again, the first answer was told when it was closed before. */
const measureFirstResponse = ({ opened_at, queued_at, first_response_at }: BusinessConversationRow): void => {
  if (!first_response_at || first_response_at < queued_at) return
  measure('BusinessFirstResponse', (first_response_at.getTime() - opened_at.getTime()) / 1_000)
}

/** Closes a conversation, for its agent or the business; the place goes to whoever waits. Repeating it changes nothing. */
export const closeConversation = (deps: SendDeps, target: Target): Promise<OpenedConversation> =>
  changeChat(deps, target, { action: 'conversation.closed', role: 'agent' }, async (turn, chat) => {
    if (chat.status === 'closed') return
    await setStatus(turn.trx, chat.conversation_id, 'closed', { closed_at: turn.now, is_told_to_wait: false })
    noteChange(turn.changes, chat, { status: 'closed', agentId: chat.agent_id })
    measureFirstResponse(chat)
  })

/** Opens a conversation again, for its agent or the business. Repeating it changes nothing. Throws `another_open`. */
export const reopenConversation = (deps: SendDeps, target: Target): Promise<OpenedConversation> =>
  changeChat(deps, target, { action: 'conversation.reopened', role: 'agent' }, reopenIn)
