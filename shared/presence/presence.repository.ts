import { type Kysely, sql } from 'kysely'
import { isOneOf } from '../database/is-one-of.ts'
import type { Database } from '../database/schema.ts'

/** Those of these users who are in some conversation together with the user. */
export const findAcquainted = async (
  db: Kysely<Database>,
  userId: string,
  userIds: readonly string[],
): Promise<Set<string>> => {
  const rows = await db
    .selectFrom('participants as me')
    .innerJoin('participants as other', 'other.conversation_id', 'me.conversation_id')
    .select('other.user_id')
    .distinct()
    .where('me.user_id', '=', userId)
    .where('me.left_at', 'is', null)
    .where(isOneOf('other.user_id', userIds))
    .where('other.left_at', 'is', null)
    .execute()
  return new Set(rows.map(row => row.user_id))
}

/** Who hears of changes of these users' presence, by user: who shares a direct or a business conversation with them. */
export const listConcerned = async (
  db: Kysely<Database>,
  userIds: readonly string[],
): Promise<Map<string, readonly string[]>> => {
  const { rows } = await sql<{ userId: string; concerned: string[] }>`
    select me.user_id as "userId", array_agg(distinct other.user_id) as concerned
    from participants as me
      join conversations on conversations.id = me.conversation_id and conversations.type in ('direct', 'business')
      join participants as other on other.conversation_id = me.conversation_id and other.user_id <> me.user_id
    where me.user_id = any(${userIds}::uuid[]) and me.left_at is null and other.left_at is null
    group by me.user_id`.execute(db)
  return new Map(rows.map(({ userId, concerned }) => [userId, concerned]))
}
