import { sql } from 'kysely'
import { currentTransaction } from '../database/transaction-id.ts'
import { listAssignedTo } from './business-conversations.repository.ts'
import { putAllIntoQueue, type Turn } from './queue.ts'

/**
 * Locks every conversation of the business in which this user is the agent, then their part in each, both in the order of ids,
 * in which everybody locks several; returns which they are.
 */
const lockConversationsOf = async ({ trx, business }: Turn, agentId: string): Promise<string[]> => {
  const { rows } = await sql<{ id: string }>`
    select conversations.id from conversations
    where id in (
      select chat.conversation_id from business_conversations as chat
        join participants as me on me.conversation_id = chat.conversation_id
      where chat.business_id = ${business.id}::uuid and me.user_id = ${agentId}::uuid
        and me.role = 'agent' and me.left_at is null
    )
    order by id for no key update`.execute(trx)
  const ids = rows.map(({ id }) => id)
  await sql`
    select from participants where user_id = ${agentId}::uuid and conversation_id = any(${ids}::uuid[])
    order by conversation_id for no key update`.execute(trx)
  return ids
}

/** Ends an agent's part in every conversation of the business; those that are not closed are queued again. */
export const leaveConversations = async (turn: Turn, agentId: string): Promise<void> => {
  const { trx, business, now } = turn
  const ids = await lockConversationsOf(turn, agentId)
  const open = await listAssignedTo(trx, business.id, agentId)
  await putAllIntoQueue(turn, open)
  const closed = ids.filter(id => !open.some(chat => chat.conversation_id === id))
  await trx
    .updateTable('participants')
    .set({ left_at: now, changed_xid: currentTransaction() })
    .where('user_id', '=', agentId)
    .where(sql<boolean>`conversation_id = any(${closed}::uuid[])`)
    .execute()
}
