import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../shared/database/schema.ts'
import { attachPartitions } from '../../shared/messages/partitions.ts'

const dayMs = 24 * 60 * 60 * 1000
/** A statement of the server takes 8 s at most. */
const chunk = 50_000

export interface MessageHistory {
  /** When the last of its messages has been sent. */
  end: Date
  /** Both are in every conversation. */
  userIds: [string, string]
  conversationIds: string[]
}

/**
 * Fills an empty database with messages that were sent evenly over so many days, the first on the 20th of next month: so that
 * 23 days later a month has ended a while ago. Each conversation has as many. Ids were minted up to 23 hours before a message
 * was sent, and up to 4 minutes after. One in twenty was deleted, up to two weeks later. Their bodies open with no key.
 */
export const fillHistory = async (
  db: Kysely<Database>,
  { messages, days, conversations }: { messages: number; days: number; conversations: number },
): Promise<MessageHistory> => {
  const today = new Date()
  const start = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1, 20))
  const end = new Date(start.getTime() + days * dayMs)
  await attachPartitions({ db, clock: { now: () => end } })

  const userIds: [string, string] = [randomUUID(), randomUUID()]
  const conversationIds = Array.from({ length: conversations }, () => randomUUID())
  const eachHas = Math.floor(messages / conversations)
  await sql`insert into users (id, created_at) select unnest(${userIds}::uuid[]), ${start}`.execute(db)
  await sql`
    insert into conversations (id, type, created_by, created_at, last_seq, last_activity_at)
    select unnest(${conversationIds}::uuid[]), 'group', ${userIds[0]}::uuid, ${start}, ${eachHas}, ${end}`.execute(db)
  await sql`
    insert into participants
      (conversation_id, user_id, role, joined_at, joined_seq, last_read_seq, last_delivered_seq)
    select c, u, 'member', ${start}, 0, 0, 0
    from unnest(${conversationIds}::uuid[]) c, unnest(${userIds}::uuid[]) u`.execute(db)

  const betweenMs = (days * dayMs) / messages
  for (let first = 0; first < eachHas * conversations; first += chunk) {
    const last = Math.min(first + chunk, eachHas * conversations) - 1
    await sql`
      insert into messages (id, conversation_id, seq, sender_id, type, key_id, body, sent_at, deleted_at)
      select
        (substr(minted, 1, 8) || '-' || substr(minted, 9) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
        (${conversationIds}::uuid[])[n % ${sql.lit(conversations)} + 1],
        n / ${sql.lit(conversations)} + 1,
        ${userIds[0]}::uuid,
        'text',
        case when deleted_at is null then 1 end,
        case when deleted_at is null then decode(repeat(md5(n::text), 3), 'hex') end,
        sent_at,
        deleted_at
      from
        generate_series(${sql.lit(first)}, ${sql.lit(last)}) n,
        lateral (select ${start}::timestamptz + (n + 1) * ${betweenMs}::float8 * interval '1 millisecond') s (sent_at),
        lateral (select case n % 20 when 7 then sent_at + (n % 13) * interval '1 day' end) d (deleted_later_at),
        lateral (select case when deleted_later_at <= ${end} then deleted_later_at end) e (deleted_at),
        lateral (
          select sent_at + case n % 10 when 3 then interval '-23 hours' when 5 then interval '4 minutes' else '0' end
        ) m (minted_at),
        lateral (select lpad(to_hex((extract(epoch from minted_at) * 1000)::bigint), 12, '0')) i (minted)
      order by n`.execute(db)
  }
  await sql`analyze messages`.execute(db)
  return { end, userIds, conversationIds }
}
