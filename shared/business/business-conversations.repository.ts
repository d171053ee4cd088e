import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import { isOneOf } from '../database/is-one-of.ts'
import type { BusinessConversationStatus, BusinessConversationsTable, Database } from '../database/schema.ts'
import { currentTransaction } from '../database/transaction-id.ts'
import type { Assignment } from './business.schema.ts'

export type BusinessConversationRow = Selectable<BusinessConversationsTable>

export const findBusinessConversation = (
  db: Kysely<Database>,
  conversationId: string,
): Promise<BusinessConversationRow | undefined> =>
  db.selectFrom('business_conversations').selectAll().where('conversation_id', '=', conversationId).executeTakeFirst()

export const listBusinessConversations = (
  db: Kysely<Database>,
  conversationIds: readonly string[],
): Promise<BusinessConversationRow[]> =>
  db.selectFrom('business_conversations').selectAll().where(isOneOf('conversation_id', conversationIds)).execute()

/** The customer's conversation with the business that is not closed: there is one at most. */
export const findOpenOf = (
  db: Kysely<Database>,
  businessId: string,
  customerId: string,
): Promise<BusinessConversationRow | undefined> =>
  db
    .selectFrom('business_conversations')
    .selectAll()
    .where('business_id', '=', businessId)
    .where('customer_id', '=', customerId)
    .where('status', '<>', 'closed')
    .executeTakeFirst()

/** Those that nobody has, in the order in which they are to be taken: more urgent first, then longest waiting. */
export const listQueue = (
  db: Kysely<Database>,
  businessId: string,
  limit: number,
): Promise<BusinessConversationRow[]> =>
  db
    .selectFrom('business_conversations')
    .selectAll()
    .where('business_id', '=', businessId)
    .where('status', '=', 'queued')
    .orderBy('priority_rank')
    .orderBy('queued_at')
    .orderBy('conversation_id')
    .limit(limit)
    .execute()

/** Who has it, and its place in the queue: all of one moment. */
export const findAssignment = async (db: Kysely<Database>, conversationId: string): Promise<Assignment | undefined> => {
  const { rows } = await sql<Assignment>`
    select status, agent_id as "agentId", case when status = 'queued' then (
      select count(*) from business_conversations as ahead
      where ahead.business_id = mine.business_id and ahead.status = 'queued'
        and (ahead.priority_rank, ahead.queued_at, ahead.conversation_id)
          <= (mine.priority_rank, mine.queued_at, mine.conversation_id)
    ) end as position
    from business_conversations as mine where conversation_id = ${conversationId}::uuid`.execute(db)
  return rows[0]
}

export interface NewBusinessConversation {
  conversationId: string
  businessId: string
  customerId: string
  priorityRank: number
  category: string | null
}

/** Stores it as queued; rejects with 23505 when the customer has an open one with the business. */
export const insertQueued = (
  trx: Transaction<Database>,
  { conversationId, businessId, customerId, priorityRank, category }: NewBusinessConversation,
  now: Date,
): Promise<BusinessConversationRow> =>
  trx
    .insertInto('business_conversations')
    .values({
      conversation_id: conversationId,
      business_id: businessId,
      customer_id: customerId,
      status: 'queued',
      agent_id: null,
      priority_rank: priorityRank,
      category,
      opened_at: now,
      queued_at: now,
      assigned_at: null,
      answered_at: null,
      first_response_at: null,
      first_response_by: null,
      closed_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()

export type Standing = Partial<
  Pick<
    BusinessConversationRow,
    'agent_id' | 'queued_at' | 'assigned_at' | 'answered_at' | 'closed_at' | 'is_told_to_wait'
  >
>

/** Gives it another status, which everybody who sees the conversation learns by synchronizing. */
export const setStatus = async (
  trx: Transaction<Database>,
  conversationId: string,
  status: BusinessConversationStatus,
  standing: Standing,
): Promise<void> => {
  await trx
    .updateTable('business_conversations')
    .set({ status, ...standing })
    .where('conversation_id', '=', conversationId)
    .execute()
  await trx
    .updateTable('conversations')
    .set({ changed_xid: currentTransaction() })
    .where('id', '=', conversationId)
    .execute()
}

export const setToldToWait = async (trx: Transaction<Database>, conversationId: string): Promise<void> => {
  await trx
    .updateTable('business_conversations')
    .set({ is_told_to_wait: true })
    .where('conversation_id', '=', conversationId)
    .execute()
}

/** Queued since before `before`, and their customers were not told so: at most `limit`, longest waiting first. */
export const listUntold = async (
  db: Kysely<Database>,
  businessId: string,
  { before, limit }: { before: Date; limit: number },
): Promise<string[]> => {
  const rows = await db
    .selectFrom('business_conversations')
    .select('conversation_id')
    .where('business_id', '=', businessId)
    .where('status', '=', 'queued')
    .where('is_told_to_wait', '=', false)
    .where('queued_at', '<', before)
    .orderBy('queued_at')
    .limit(limit)
    .execute()
  return rows.map(row => row.conversation_id)
}

/** The agent's conversations that are not closed. */
export const listAssignedTo = (
  db: Kysely<Database>,
  businessId: string,
  agentId: string,
): Promise<BusinessConversationRow[]> =>
  db
    .selectFrom('business_conversations')
    .selectAll()
    .where('business_id', '=', businessId)
    .where('agent_id', '=', agentId)
    .where('status', '=', 'assigned')
    .orderBy('queued_at')
    .orderBy('conversation_id')
    .execute()

/** Given to an agent who has not written since. */
export const listUnanswered = (db: Kysely<Database>, businessId: string): Promise<BusinessConversationRow[]> =>
  db
    .selectFrom('business_conversations')
    .selectAll()
    .where('business_id', '=', businessId)
    .where('status', '=', 'assigned')
    .where('answered_at', 'is', null)
    .orderBy('queued_at')
    .orderBy('conversation_id')
    .execute()

/** Over all businesses: how many conversations are queued, and since when the first of them; null when there is none. */
export const queueFigures = async (db: Kysely<Database>): Promise<{ length: number; waitingSince: Date | null }> =>
  db
    .selectFrom('business_conversations')
    .select(({ fn }) => [fn.countAll<number>().as('length'), fn.min('queued_at').as('waitingSince')])
    .where('status', '=', 'queued')
    .executeTakeFirstOrThrow()
