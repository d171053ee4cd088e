import { type Kysely, sql } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import { isOneOf } from '../database/is-one-of.ts'
import type { Database } from '../database/schema.ts'

/** Those of these users who are in some conversation of this business. */
const findAcquaintedWithBusiness = async (
  db: Kysely<Database>,
  businessId: string,
  userIds: readonly string[],
): Promise<string[]> => {
  const { rows } = await sql<{ id: string }>`
    select asked.id from unnest(${userIds}::uuid[]) as asked (id)
    where exists (
      select from participants as other join business_conversations as chat using (conversation_id)
      where other.user_id = asked.id and other.left_at is null and chat.business_id = ${businessId}::uuid
    )`.execute(db)
  return rows.map(({ id }) => id)
}

/**
 * Those of these users who are in some conversation together with the viewer, or in one of the business that they manage: that is
 * a second statement.
 */
export const findAcquainted = async (
  db: Kysely<Database>,
  { id, businessId }: Viewer,
  userIds: readonly string[],
): Promise<Set<string>> => {
  const [own, ofBusiness] = await Promise.all([
    db
      .selectFrom('participants as me')
      .innerJoin('participants as other', 'other.conversation_id', 'me.conversation_id')
      .select('other.user_id')
      .distinct()
      .where('me.user_id', '=', id)
      .where('me.left_at', 'is', null)
      .where(isOneOf('other.user_id', userIds))
      .where('other.left_at', 'is', null)
      .execute(),
    businessId === undefined ? [] : findAcquaintedWithBusiness(db, businessId, userIds),
  ])
  return new Set([...own.map(row => row.user_id), ...ofBusiness])
}

/** Who hears of changes of somebody's presence. */
export interface Concerned {
  /** Who shares a direct or a business conversation with them. */
  users: readonly string[]
  /** In whose open conversations they are. Of closed ones there is no end, and nobody waits there. */
  businesses: readonly string[]
}

/** Who hears of changes of these users' presence, by user. */
export const listConcerned = async (
  db: Kysely<Database>,
  userIds: readonly string[],
): Promise<Map<string, Concerned>> => {
  const { rows } = await sql<Concerned & { userId: string }>`
    select me.user_id as "userId",
      array_remove(array_agg(distinct other.user_id), null) as users,
      array_remove(array_agg(distinct chat.business_id), null) as businesses
    from participants as me
      join conversations on conversations.id = me.conversation_id and conversations.type in ('direct', 'business')
      left join participants as other
        on other.conversation_id = me.conversation_id and other.user_id <> me.user_id and other.left_at is null
      left join business_conversations as chat
        on chat.conversation_id = me.conversation_id and conversations.type = 'business' and chat.status <> 'closed'
    where me.user_id = any(${userIds}::uuid[]) and me.left_at is null
    group by me.user_id`.execute(db)
  return new Map(rows.map(({ userId, ...concerned }) => [userId, concerned]))
}
