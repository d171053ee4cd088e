import type { Kysely } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import { requireAccess } from '../conversations/access.ts'
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

const manages = (caller: Viewer, businessId: string): boolean => caller.businessId === businessId

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
  if (manages(caller, businessId)) return
  if (role === 'manager' || (role === 'agent' && agentId !== caller.id)) throw refused()
  if (await findAgent(db, businessId, caller.id)) return
  if (role === 'customer' && (await isCustomer(db, businessId, caller.id))) return
  throw refused()
}

/** The conversation is theirs to close: its business, or its agent. */
export const mayHandle = (caller: Viewer, chat: BusinessConversationRow): boolean =>
  manages(caller, chat.business_id) || chat.agent_id === caller.id

export const refuseHandling = (): Problem =>
  new Problem('forbidden', 'Only the business, or the agent of the conversation where they may, can do this.')

/**
 * The business conversation. Throws `not_found` for one that the caller does not see, and `forbidden` where they see it but are
 * not its business, nor, for the role `agent`, its agent.
 */
export const requireChat = async (
  db: Kysely<Database>,
  caller: Viewer,
  conversationId: string,
  role: 'manager' | 'agent',
): Promise<BusinessConversationRow> => {
  const { business } = await requireAccess(db, conversationId, caller)
  if (!business) throw conversationNotFound()
  const isAllowed = role === 'manager' ? manages(caller, business.business_id) : mayHandle(caller, business)
  if (!isAllowed) throw refuseHandling()
  return business
}
