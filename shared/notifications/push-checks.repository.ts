import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/schema.ts'
import type { QuietHours } from './preferences.schema.ts'
import type { PushCheck } from './push-check.jobs.ts'
import type { MissedMessage } from './push-request.ts'

/** One notification says it all for who has missed more. */
const mostForEach = 50

/**
 * Those of the messages that each of these users may see and has neither sent, read nor acknowledged: the newest 50 of each, in the
 * order of `seq`. What is deleted is not among them, nor is anything for who has left, muted the conversation or its type, or wants
 * no push requests.
 */
export const findUnnoticed = async (
  db: Kysely<Database>,
  { conversationId, userIds, fromSeq, throughSeq }: PushCheck,
  now: Date,
): Promise<(MissedMessage & { quietHours: QuietHours | null })[]> => {
  const { rows } = await sql<MissedMessage & { quietHours: QuietHours | null }>`
    select me.user_id as "userId", me.conversation_id as "conversationId", message.id as "messageId", message.seq,
      message.sent_at as "sentAt", preferences.quiet_hours as "quietHours"
    from participants as me
      join conversations on conversations.id = me.conversation_id
      left join notification_preferences as preferences on preferences.user_id = me.user_id
      cross join lateral (
        select id, seq, sent_at from messages
        where conversation_id = me.conversation_id
          and seq >= ${fromSeq} and seq <= ${throughSeq}
          and seq > greatest(me.joined_seq, me.last_read_seq, me.last_delivered_seq)
          and sender_id <> me.user_id and deleted_at is null
        order by seq desc limit ${mostForEach}
      ) as message
    where me.conversation_id = ${conversationId}::uuid and me.user_id = any(${userIds}::uuid[]) and me.left_at is null
      and not (me.is_muted and coalesce(me.muted_until > ${now}::timestamptz, true))
      and coalesce(preferences.push_enabled, true)
      and conversations.type <> all (coalesce(preferences.muted_types, '{}'))
    order by message.seq`.execute(db)
  return rows
}
