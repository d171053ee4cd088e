import { conversationNotFound, Problem } from '../platform/problems.ts'
import { noteAskedFor } from './assignment-changes.ts'
import {
  type BusinessConversationRow,
  findBusinessConversation,
  findOpenOf,
} from './business-conversations.repository.ts'
import { canTakeOne } from './choose-agent.ts'
import { drainQueue, giveTo, isTaking, listCandidates, putIntoQueue, type Turn } from './queue.ts'
import { type BusinessDeps, takeTurn } from './turn.ts'

/**
 * Opens a closed conversation again. Those who wait already go first; then whoever had it gets it back if they can take one, or
 * else it waits like any other. One that is open stays as it is. Throws `another_open`.
 */
export const reopenIn = async (turn: Turn, chat: BusinessConversationRow): Promise<void> => {
  if (chat.status !== 'closed') return
  if (await findOpenOf(turn.trx, chat.business_id, chat.customer_id)) {
    throw new Problem('another_open', 'The customer has a newer conversation with this business that is open.')
  }
  await drainQueue(turn)
  const candidates = isTaking(turn.business, turn.now) ? await listCandidates(turn) : []
  const former = candidates.find(({ agentId }) => agentId === chat.agent_id && agentId !== chat.customer_id)
  const anew = { queued_at: turn.now, is_told_to_wait: false }
  if (former && canTakeOne(former) && !turn.hasMore) await giveTo(turn, chat, former.agentId, anew)
  else await putIntoQueue(turn, chat, anew)
}

/**
 * What a customer's message in a closed conversation does first. Does not tell them to wait: their message comes before that.
 * Throws `not_found` and `another_open`.
 */
export const reopenForCustomer = async (
  deps: BusinessDeps,
  conversationId: string,
  customerId: string,
): Promise<void> => {
  const known = await findBusinessConversation(deps.db, conversationId)
  if (known?.customer_id !== customerId) throw conversationNotFound()
  await takeTurn(deps, known.business_id, async turn => {
    const chat = await findBusinessConversation(turn.trx, conversationId)
    if (chat) await reopenIn(turn, chat)
    noteAskedFor(turn.changes, conversationId, { action: 'conversation.reopened', userId: customerId })
  })
}
