import { findConversation, insertConversation } from '../conversations/conversations.repository.ts'
import { loadViews } from '../conversations/load-views.ts'
import { insertParticipants } from '../conversations/participants.repository.ts'
import { fanOut } from '../delivery/fan-out.ts'
import { requireFreshId, type SendDeps, sendMessage } from '../messages/send-message.ts'
import { newId } from '../platform/ids.ts'
import { conversationNotFound } from '../platform/problems.ts'
import { noteChange } from './assignment-changes.ts'
import type { OpenBusiness, OpenedConversation } from './business.schema.ts'
import { findOpenOf, insertQueued } from './business-conversations.repository.ts'
import { rankOf } from './priority.ts'
import { takeTurn } from './turn.ts'
import { viewWithAssignment } from './views.ts'
import { tellToWait } from './waiting.ts'

/** The new conversation's id, or undefined when the customer has an open one by now. */
const make = async (deps: SendDeps, customerId: string, opening: OpenBusiness): Promise<string | undefined> => {
  const { businessId, priority, category = null } = opening
  const conversationId = newId(deps.clock)
  const { result } = await takeTurn(deps, businessId, async turn => {
    const { trx, now } = turn
    if (await findOpenOf(trx, businessId, customerId)) return undefined
    await insertConversation(trx, { id: conversationId, type: 'business', name: null, created_by: customerId }, now)
    const users = [{ userId: customerId, role: 'customer' as const }]
    await insertParticipants(trx, { conversationId, users, joinedSeq: 0 }, now)
    const newChat = { conversationId, businessId, customerId, priorityRank: rankOf(priority), category }
    const chat = await insertQueued(trx, newChat, now)
    noteChange(turn.changes, chat, { status: 'queued', agentId: null, hasJoined: false, left: [] })
    return conversationId
  })
  return result
}

const tellBusiness = async (deps: SendDeps, businessId: string, conversationId: string): Promise<void> => {
  const row = await findConversation(deps.db, conversationId)
  const [conversation] = await loadViews(deps, { id: businessId, businessId }, row ? [row] : [])
  if (conversation) await fanOut(deps, [businessId], { event: 'conversation.created', data: { conversation } })
}

/**
 * The customer's open conversation with a business, made if there is none: a customer has one at most, also under concurrent
 * calls. A new one goes to an agent at once, or waits in the queue, and then the customer is told so by one system message. The
 * first message is sent in either case; with an `id` it is stored once, however often this is repeated.
 *
 * Throws what `sendMessage` does; an `id` of the first message that is of no use before anything is made.
 */
export const openBusiness = async (
  deps: SendDeps,
  customerId: string,
  opening: OpenBusiness,
): Promise<{ conversation: OpenedConversation; created: boolean }> => {
  const { businessId, initialMessage } = opening
  const known = await findOpenOf(deps.db, businessId, customerId)
  if (!known && initialMessage?.id !== undefined) await requireFreshId(deps, initialMessage.id)
  const made = known ? undefined : await make(deps, customerId, opening)
  const conversationId =
    made ?? known?.conversation_id ?? (await findOpenOf(deps.db, businessId, customerId))?.conversation_id
  if (conversationId === undefined) throw conversationNotFound()
  if (made !== undefined) await tellBusiness(deps, businessId, conversationId)
  if (initialMessage) await sendMessage(deps, { ...initialMessage, conversationId, senderId: customerId })
  await tellToWait(deps, [conversationId])
  const conversation = await viewWithAssignment(deps, { viewer: { id: customerId }, conversationId, businessId })
  return { conversation, created: made !== undefined }
}
