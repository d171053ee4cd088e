import type { Kysely } from 'kysely'
import type { Database } from '../database/schema.ts'
import { hasKey, keysOf, type MessageStore, type SealedRow } from '../messages/message-body.ts'
import { findNewest, findUnread } from '../messages/messages.repository.ts'
import { visibleAt } from '../messages/retention.config.ts'
import type { Clock } from '../platform/clock.ts'
import type { ListCache, Versioned } from './list-cache.ts'

/** What a conversation shows that depends on who looks. */
export interface OwnPart {
  /** The newest message that they may see, as it is stored. */
  newest: SealedRow | null
  /** Counted up to `unreadCap` + 1. */
  unread: number
  oldestUnreadAt: Date | null
}

const idsOf = (conversations: readonly Versioned[]): string[] => conversations.map(({ id }) => id)

/** Two statements for any number of conversations. */
export const loadOwnParts = async (
  db: Kysely<Database>,
  userId: string,
  conversationIds: readonly string[],
  now: Date,
): Promise<Map<string, OwnPart>> => {
  const since = visibleAt(now)
  const scope = { userId, conversationIds }
  const [newest, unread] = await Promise.all([findNewest(db, scope, since), findUnread(db, scope, since)])
  const newestOf = new Map(newest.map(row => [row.conversation_id, row]))
  const unreadOf = new Map(unread.map(row => [row.conversation_id, row]))
  return new Map(
    conversationIds.map(id => [
      id,
      {
        newest: newestOf.get(id) ?? null,
        unread: unreadOf.get(id)?.unread_count ?? 0,
        oldestUnreadAt: unreadOf.get(id)?.oldest_sent_at ?? null,
      },
    ]),
  )
}

/**
 * The same by way of the cache, where there is one: what is kept there costs one Redis round trip, the rest another one and the two
 * statements.
 */
export const findOwnParts = async (
  { db, contentKeys, clock, listCache }: MessageStore & { clock: Clock; listCache: ListCache | null },
  userId: string,
  conversations: readonly Versioned[],
): Promise<Map<string, OwnPart>> => {
  const now = clock.now()
  if (!listCache) return loadOwnParts(db, userId, idsOf(conversations), now)
  const found = await listCache.find(userId, conversations, { now, since: visibleAt(now) })
  const keys = await keysOf(
    { db, contentKeys },
    [...found.values()].flatMap(({ newest }) => newest ?? []),
  )
  const kept = new Map([...found].filter(([, { newest }]) => newest === null || hasKey(newest, keys)))
  const missing = conversations.filter(({ id }) => !kept.has(id))
  if (missing.length === 0) return kept
  const loaded = await loadOwnParts(db, userId, idsOf(missing), now)
  await listCache.keep(userId, missing, loaded, now)
  return new Map([...kept, ...loaded])
}
