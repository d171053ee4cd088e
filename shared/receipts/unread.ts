import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Database } from '../database/schema.ts'
import { countUnread, unreadCap } from '../messages/messages.repository.ts'
import { visibleAt } from '../messages/retention.config.ts'
import type { Clock } from '../platform/clock.ts'
import type { UnreadCounts } from './receipts.schema.ts'

export interface UnreadDeps {
  db: Kysely<Database>
  clock: Clock
}

/** Conversations in which something lies behind the user's read position; not all of it need be unread for them. */
const conversationsBehind = async (db: Kysely<Database>, userId: string): Promise<string[]> => {
  const rows = await db
    .selectFrom('participants')
    .innerJoin('conversations', 'conversations.id', 'participants.conversation_id')
    .select('conversations.id')
    .where('participants.user_id', '=', userId)
    .where('participants.left_at', 'is', null)
    .where(sql<boolean>`conversations.last_seq > participants.last_read_seq`)
    .execute()
  return rows.map(row => row.id)
}

/** What a user has not read, by conversation and in all. Two statements. */
export const unreadCounts = async ({ db, clock }: UnreadDeps, userId: string): Promise<UnreadCounts> => {
  const conversationIds = await conversationsBehind(db, userId)
  const counts = await countUnread(db, { userId, conversationIds }, visibleAt(clock.now()))
  const conversations = Object.fromEntries(
    [...counts].filter(([, count]) => count > 0).map(([id, count]) => [id, Math.min(count, unreadCap)]),
  )
  const total = Object.values(conversations).reduce((sum, count) => sum + count, 0)
  const isCapped = [...counts.values()].some(count => count > unreadCap)
  return { total, conversations, ...(isCapped && { unreadCapped: true as const }) }
}

/** The same for some conversations, those without unread messages included. One statement. */
export const unreadCountsOf = async (
  { db, clock }: UnreadDeps,
  userId: string,
  conversationIds: readonly string[],
): Promise<Record<string, number>> => {
  const counts = await countUnread(db, { userId, conversationIds }, visibleAt(clock.now()))
  return Object.fromEntries(conversationIds.map(id => [id, Math.min(counts.get(id) ?? 0, unreadCap)]))
}
