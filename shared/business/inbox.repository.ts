import { type Kysely, sql } from 'kysely'
import type { BusinessConversationStatus, Database } from '../database/schema.ts'

/** As in the index of the inbox. */
const statusRank = sql.raw(`(case status when 'queued' then 0 when 'assigned' then 1 else 2 end)`)

export interface InboxPosition {
  statusRank: number
  priorityRank: number
  queuedAt: Date
  conversationId: string
}

/** Conversations of a business in the order of its inbox: queued, assigned, closed; more urgent first; longest waiting first. */
export const listInbox = async (
  db: Kysely<Database>,
  {
    businessId,
    status,
    agentId,
    behind,
    limit,
  }: {
    businessId: string
    status: BusinessConversationStatus | undefined
    agentId: string | undefined
    behind: InboxPosition | undefined
    limit: number
  },
): Promise<InboxPosition[]> => {
  const isBehind = behind
    ? sql`and (${statusRank}, priority_rank, queued_at, conversation_id) > (
        ${behind.statusRank}::int, ${behind.priorityRank}::smallint, ${behind.queuedAt}::timestamptz,
        ${behind.conversationId}::uuid
      )`
    : sql``
  const { rows } = await sql<InboxPosition>`
    select ${statusRank} as "statusRank", priority_rank as "priorityRank", queued_at as "queuedAt",
      conversation_id as "conversationId"
    from business_conversations
    where business_id = ${businessId}::uuid ${isBehind}
      ${status === undefined ? sql`` : sql`and status = ${status}`}
      ${agentId === undefined ? sql`` : sql`and agent_id = ${agentId}::uuid`}
    order by ${statusRank}, priority_rank, queued_at, conversation_id
    limit ${limit}`.execute(db)
  return rows
}
