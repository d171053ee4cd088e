import type { Kysely } from 'kysely'
import type { Audit } from '../audit/audit.ts'
import type { Viewer } from '../auth/caller.ts'
import { type Access, audienceOf, requireAccess } from '../conversations/access.ts'
import { findVersion } from '../conversations/conversations.repository.ts'
import type { Database } from '../database/schema.ts'
import { type FanOutDeps, fanOut } from '../delivery/fan-out.ts'
import { Problem } from '../platform/problems.ts'
import { type DeliveredPositions, withDelivered } from '../receipts/delivered.ts'
import { messageView } from './message.view.ts'
import { hasKey, keysOf, type MessageStore, openRows, type SealedRow } from './message-body.ts'
import {
  findMessages,
  findVisible,
  type MessageRange,
  type MessageRow,
  markDeleted,
  readVisible,
} from './messages.repository.ts'
import type { HistoryQuery, Message, MessagePage } from './messages.schema.ts'
import type { PageCache } from './page-cache.ts'
import { visibleAt } from './retention.config.ts'

export type MessageDeps = FanOutDeps & { db: Kysely<Database>; delivered: DeliveredPositions; audit: Audit }

const messageNotFound = () => new Problem('not_found', 'There is no such message.')

type ReadDeps = MessageStore & Pick<MessageDeps, 'clock' | 'delivered'>

/** Messages as the user sees them. Where others lack own ones among them, their status costs one Redis round trip. */
const viewsFor = async (
  { delivered }: Pick<ReadDeps, 'delivered'>,
  userId: string,
  rows: readonly MessageRow[],
  { conversation: { id, last_seq }, others }: Access,
): Promise<Message[]> => {
  const hasOwn = rows.some(row => row.sender_id === userId)
  const positions = hasOwn ? await withDelivered(delivered, others, new Map([[id, last_seq]])) : others
  return rows.map(row => messageView(row, userId, positions))
}

export type HistoryDeps = ReadDeps & { /** Null: none. */ pageCache: PageCache | null }

/** Read anew: one statement. By way of the cache: a Redis round trip, and, where the page is not kept, the same and another one. */
const readRange = async (
  { db, contentKeys, clock, pageCache }: HistoryDeps,
  range: MessageRange,
  version: string | undefined,
): Promise<SealedRow[]> => {
  const since = visibleAt(clock.now())
  if (!pageCache || version === undefined) return findMessages(db, range, since)
  const kept = await pageCache.find(range, version, since)
  if (kept) {
    const keys = await keysOf({ db, contentKeys }, kept)
    if (kept.every(row => hasKey(row, keys))) return kept
  }
  const rows = await findMessages(db, range, since)
  await pageCache.keep(range, version, rows)
  return rows
}

/** A page of the conversation in the order of `seq`; without a position the newest. Throws `not_found`. */
export const readHistory = async (
  deps: HistoryDeps,
  { caller, conversationId, before, after, limit }: HistoryQuery & { caller: Viewer; conversationId: string },
): Promise<MessagePage> => {
  const [access, version] = await Promise.all([
    requireAccess(deps.db, conversationId, caller),
    deps.pageCache ? findVersion(deps.db, conversationId) : undefined,
  ])
  const range: MessageRange = {
    conversationId,
    above: Math.max(after ?? 0, access.me.joined_seq),
    below: before,
    direction: after === undefined ? 'desc' : 'asc',
    limit: limit + 1,
  }
  const rows = await readRange(deps, range, version)
  const page = await openRows(deps, rows.slice(0, limit))
  if (after === undefined) page.reverse()
  return { items: await viewsFor(deps, caller.id, page, access), hasMore: rows.length > limit }
}

/** One message. Throws `not_found` for whatever the user may not see. */
export const getMessage = async (
  deps: ReadDeps,
  { caller, conversationId, messageId }: { caller: Viewer; conversationId: string; messageId: string },
): Promise<Message> => {
  const access = await requireAccess(deps.db, conversationId, caller)
  const reference = { conversationId, messageId, joinedSeq: access.me.joined_seq }
  const row = await readVisible(deps, reference, visibleAt(deps.clock.now()))
  if (!row) throw messageNotFound()
  const [message] = await viewsFor(deps, caller.id, [row], access)
  if (!message) throw messageNotFound()
  return message
}

/**
 * Deletes a message for everybody: its sender may, and in a group an admin. Its content is gone at once; that it was there
 * shows for 7 days. Tells everybody who could see it. Repeating it changes nothing.
 */
export const deleteMessage = async (
  deps: MessageDeps,
  { caller, conversationId, messageId }: { caller: Viewer; conversationId: string; messageId: string },
): Promise<void> => {
  const now = deps.clock.now()
  const access = await requireAccess(deps.db, conversationId, caller)
  const { conversation, me, others } = access
  const reference = { conversationId, messageId, joinedSeq: me.joined_seq }
  const row = await findVisible(deps.db, reference, visibleAt(now))
  if (!row) throw messageNotFound()
  const mayDelete = row.sender_id === caller.id || (conversation.type === 'group' && me.role === 'admin')
  if (!mayDelete)
    throw new Problem('forbidden', 'Only the sender of a message, or an admin of the group, may delete it.')
  const deleted = await markDeleted(deps.db, reference, now)
  if (!deleted) return
  const unaware = new Set([me, ...others].filter(each => each.joined_seq >= deleted.seq).map(each => each.user_id))
  const userIds = audienceOf(access).filter(userId => !unaware.has(userId))
  const data = { conversationId, messageId, seq: deleted.seq, deletedAt: now.toISOString() }
  await Promise.all([
    fanOut(deps, userIds, { event: 'message.deleted', data }),
    deps.audit.record({
      action: 'message.deleted',
      userId: caller.id,
      businessId: caller.businessId,
      target: { conversationId, messageId, userId: row.sender_id },
    }),
  ])
}
