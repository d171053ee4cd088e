import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/schema.ts'

export interface Range {
  conversationId: string
  /** What is wanted begins behind this position. */
  afterSeq: number
  lastSeq: number
}

/**
 * Conversations in which a user has not acknowledged everything, in the order of their ids, as Postgres knows it: what Redis
 * knows better is for the caller to take off. `from` skips those before it.
 */
export const findUndelivered = async (db: Kysely<Database>, userId: string, from?: string): Promise<Range[]> => {
  const { rows } = await sql<Range>`
    select conversations.id as "conversationId", conversations.last_seq as "lastSeq",
      greatest(participants.last_delivered_seq, participants.joined_seq) as "afterSeq"
    from participants join conversations on conversations.id = participants.conversation_id
    where participants.user_id = ${userId}::uuid and participants.left_at is null
      and conversations.last_seq > greatest(participants.last_delivered_seq, participants.joined_seq)
      and conversations.id >= ${from ?? '00000000-0000-0000-0000-000000000000'}::uuid
    order by conversations.id`.execute(db)
  return rows
}

/**
 * Who has not acknowledged messages of others that were committed between two times: the user, the conversation and the first
 * such position. As far as Postgres knows, so positions should be flushed before. Pages by message id.
 */
export const findUnacknowledged = async (
  db: Kysely<Database>,
  { from, until, lowestId, limit }: { from: Date; until: Date; lowestId: string; limit: number },
): Promise<{ found: { userId: string; conversationId: string; seq: number }[]; lastId: string | null }> => {
  const { rows } = await sql<{ user_id: string | null; conversation_id: string; seq: number; id: string }>`
    with recent as (
      select id, conversation_id, seq, sender_id from messages
      where sent_at > ${from} and sent_at <= ${until} and id > ${lowestId}::uuid
      order by id limit ${limit}
    )
    select recent.id, recent.conversation_id, recent.seq, participants.user_id
    from recent left join participants
      on participants.conversation_id = recent.conversation_id and participants.left_at is null
        and participants.user_id <> recent.sender_id
        and participants.last_delivered_seq < recent.seq and participants.joined_seq < recent.seq
    order by recent.id`.execute(db)
  const first = new Map<string, { userId: string; conversationId: string; seq: number }>()
  for (const { user_id: userId, conversation_id: conversationId, seq } of rows) {
    if (userId === null) continue
    const key = `${userId} ${conversationId}`
    if (seq < (first.get(key)?.seq ?? Number.POSITIVE_INFINITY)) first.set(key, { userId, conversationId, seq })
  }
  const messages = new Set(rows.map(row => row.id))
  return { found: [...first.values()], lastId: messages.size < limit ? null : (rows.at(-1)?.id ?? null) }
}
