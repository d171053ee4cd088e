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
 * Who has not acknowledged messages of others that were committed after `from` and not after `until`: the user, the conversation
 * and the first such position; and how many messages there were. As far as Postgres knows, so positions should be flushed before.
 * Null when there are more than `limit` messages in that time: then it has not been looked at. What comes back is what is missing,
 * however much was sent.
 */
export const findUnacknowledged = async (
  db: Kysely<Database>,
  { from, until, lowestId, limit }: { from: Date; until: Date; lowestId: string; limit: number },
): Promise<{ messages: number; missing: { userId: string; conversationId: string; seq: number }[] } | null> => {
  // Written out: with parameters Postgres would keep a plan for any times, which walks through all ids of a day.
  const at = (time: Date) => sql`${sql.lit(time.toISOString())}::timestamptz`
  const { rows } = await sql<{ messages: number; userId: string | null; conversationId: string; seq: number }>`
    with recent as materialized (
      select conversation_id, sender_id, seq from messages
      where sent_at > ${at(from)} and sent_at <= ${at(until)} and id > ${sql.lit(lowestId)}::uuid
      limit ${sql.lit(limit + 1)}
    ),
    newest as (select conversation_id, sender_id, max(seq) as seq from recent group by conversation_id, sender_id),
    behind as (
      select distinct participants.conversation_id, participants.user_id,
        greatest(participants.last_delivered_seq, participants.joined_seq) as seq
      from newest join participants
        on participants.conversation_id = newest.conversation_id and participants.left_at is null
          and participants.user_id <> newest.sender_id
          and participants.last_delivered_seq < newest.seq and participants.joined_seq < newest.seq
    ),
    unacknowledged as (
      select behind.user_id, behind.conversation_id, min(recent.seq) as seq
      from behind join recent
        on recent.conversation_id = behind.conversation_id and recent.sender_id <> behind.user_id and recent.seq > behind.seq
      group by behind.user_id, behind.conversation_id
    )
    select looked_at.messages, user_id as "userId", conversation_id as "conversationId", seq
    from (select count(*)::int as messages from recent) as looked_at left join unacknowledged on messages <= ${sql.lit(limit)}`.execute(
    db,
  )
  const messages = rows[0]?.messages ?? 0
  if (messages > limit) return null
  const missing = rows.flatMap(({ userId, conversationId, seq }) =>
    userId === null ? [] : [{ userId, conversationId, seq }],
  )
  return { messages, missing }
}
