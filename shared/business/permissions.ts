import type { Kysely, Transaction } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import { type Access, lockAccess, requireAccess } from '../conversations/access.ts'
import type { Database } from '../database/schema.ts'
import { conversationNotFound, Problem } from '../platform/problems.ts'
import { findAgent } from './agents.repository.ts'
import type { BusinessConversationRow } from './business-conversations.repository.ts'

/**
 * Who may do what with a business: `manager` is a token of that business, `staff` also one of its agents, `agent` the agent who
 * is named, or the manager, and `customer` also whoever has ever had a conversation with it.
 */
export type BusinessRole = 'manager' | 'staff' | 'agent' | 'customer'

const refused = () => new Problem('forbidden', 'This needs a token of the business, or an agent of it where they may.')

const isCustomer = async (db: Kysely<Database>, businessId: string, userId: string): Promise<boolean> => {
  const found = await db
    .selectFrom('business_conversations')
    .select('conversation_id')
    .where('business_id', '=', businessId)
    .where('customer_id', '=', userId)
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}

/** Throws `forbidden` unless the caller has the role. */
export const requireBusinessRole = async (
  db: Kysely<Database>,
  caller: Viewer,
  { businessId, agentId }: { businessId: string; agentId?: string },
  role: BusinessRole,
): Promise<void> => {
  if (caller.businessId === businessId) return
  if (role === 'manager' || (role === 'agent' && agentId !== caller.id)) throw refused()
  if (await findAgent(db, businessId, caller.id)) return
  if (role === 'customer' && (await isCustomer(db, businessId, caller.id))) return
  throw refused()
}

/** Throws `not_found` for a conversation of no business, `forbidden` for one that is not the caller's to handle. */
const requireHandling = (
  { business, manages }: Access,
  caller: Viewer,
  role: 'manager' | 'agent',
): BusinessConversationRow => {
  if (!business) throw conversationNotFound()
  if (manages || (role === 'agent' && business.agent_id === caller.id)) return business
  throw new Problem('forbidden', 'Only the business, or the agent of the conversation where they may, can do this.')
}

/**
 * The business conversation. Throws `not_found` for one that the caller does not see, and `forbidden` where they see it but are
 * not its business, nor, for the role `agent`, its agent.
 */
export const requireChat = async (
  db: Kysely<Database>,
  caller: Viewer,
  conversationId: string,
  role: 'manager' | 'agent',
): Promise<BusinessConversationRow> => requireHandling(await requireAccess(db, conversationId, caller), caller, role)

/** The same with the conversation locked until the transaction ends. */
export const lockChat = async (
  trx: Transaction<Database>,
  caller: Viewer,
  conversationId: string,
  role: 'manager' | 'agent',
): Promise<BusinessConversationRow> => requireHandling(await lockAccess(trx, conversationId, caller), caller, role)
