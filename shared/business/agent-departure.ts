import { sql } from 'kysely'
import { currentTransaction } from '../database/transaction-id.ts'
import { listAssignedTo } from './business-conversations.repository.ts'
import { putIntoQueue, type Turn } from './queue.ts'

/** In the order of ids, in which everybody locks several participants. */
const byId = (one: { conversation_id: string }, other: { conversation_id: string }): number =>
  one.conversation_id < other.conversation_id ? -1 : 1

/** Ends an agent's part in every conversation of the business; those that are not closed are queued again. */
export const leaveConversations = async (turn: Turn, agentId: string): Promise<void> => {
  const { trx, business, now } = turn
  const { rows } = await sql<{ id: string }>`
    select conversations.id from conversations
    where id in (
      select chat.conversation_id from business_conversations as chat
        join participants as me on me.conversation_id = chat.conversation_id
      where chat.business_id = ${business.id}::uuid and me.user_id = ${agentId}::uuid
        and me.role = 'agent' and me.left_at is null
    )
    order by id for no key update`.execute(trx)
  const open = await listAssignedTo(trx, business.id, agentId)
  for (const chat of open.toSorted(byId)) await putIntoQueue(turn, chat)
  const closed = rows.map(({ id }) => id).filter(id => !open.some(chat => chat.conversation_id === id))
  await trx
    .updateTable('participants')
    .set({ left_at: now, changed_xid: currentTransaction() })
    .where('user_id', '=', agentId)
    .where(sql<boolean>`conversation_id = any(${closed}::uuid[])`)
    .execute()
}
