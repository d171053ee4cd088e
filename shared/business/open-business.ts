import { insertConversation } from '../conversations/conversations.repository.ts'
import { insertParticipants } from '../conversations/participants.repository.ts'
import { requireFreshId, type SendDeps, sendMessage } from '../messages/send-message.ts'
import { newId } from '../platform/ids.ts'
import { noteAskedFor, noteChange, queuedOf } from './assignment-changes.ts'
import type { OpenBusiness, OpenedConversation } from './business.schema.ts'
import { findOpenOf, insertQueued } from './business-conversations.repository.ts'
import { rankOf } from './priority.ts'
import { takeTurn } from './turn.ts'
import { viewWithAssignment } from './views.ts'
import { tellToWait } from './waiting.ts'

interface Found {
  conversationId: string
  created: boolean
  /** Whose customers are to be told that they have to wait, after their first message. */
  queued: readonly string[]
}

/** The customer's open conversation, made when there is none: the turns of a business decide which request makes it. */
const findOrMake = async (deps: SendDeps, customerId: string, opening: OpenBusiness): Promise<Found> => {
  const { businessId, priority, category = null } = opening
  const { result, changes } = await takeTurn(deps, businessId, async turn => {
    const { trx, now } = turn
    const open = await findOpenOf(trx, businessId, customerId)
    if (open) return { conversationId: open.conversation_id, created: false }
    const conversationId = newId(deps.clock)
    await insertConversation(trx, { id: conversationId, type: 'business', name: null, created_by: customerId }, now)
    const users = [{ userId: customerId, role: 'customer' as const }]
    await insertParticipants(trx, { conversationId, users, joinedSeq: 0 }, now)
    const newChat = { conversationId, businessId, customerId, priorityRank: rankOf(priority), category }
    noteChange(turn.changes, await insertQueued(trx, newChat, now), { isNew: true, status: 'queued' })
    noteAskedFor(turn.changes, conversationId, { action: 'conversation.created', userId: customerId })
    return { conversationId, created: true }
  })
  return { ...result, queued: queuedOf(changes) }
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
  // In this order: what another request has stored by now, it has stored in a conversation that is found.
  const isFresh = initialMessage?.id === undefined ? undefined : requireFreshId(deps, initialMessage.id)
  const [freshness] = await Promise.allSettled([isFresh])
  const known = await findOpenOf(deps.db, businessId, customerId)
  if (!known && freshness.status === 'rejected') throw freshness.reason
  const { conversationId, created, queued }: Found = known
    ? { conversationId: known.conversation_id, created: false, queued: [] }
    : await findOrMake(deps, customerId, opening)
  if (initialMessage) await sendMessage(deps, { ...initialMessage, conversationId, senderId: customerId })
  await tellToWait(deps, queued)
  const conversation = await viewWithAssignment(deps, { viewer: { id: customerId }, conversationId, businessId })
  return { conversation, created }
}
