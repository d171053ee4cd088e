import * as z from 'zod'
import type { Viewer } from '../auth/caller.ts'
import { listConversationsById } from '../conversations/conversations.repository.ts'
import type { ConversationPage } from '../conversations/conversations.schema.ts'
import type { LoadViewsDeps } from '../conversations/load-views.ts'
import { decodeCursor, encodeCursor } from '../platform/cursor.ts'
import type { InboxQuery } from './business.schema.ts'
import { listInbox } from './inbox.repository.ts'
import { loadStaffViews } from './views.ts'

const Position = z.tuple([z.int32(), z.int32(), z.iso.datetime(), z.uuid()])

/**
 * The conversations of a business: queued, assigned, closed; within these the more urgent first, then the longest waiting. Page by
 * page; one that moves meanwhile may come twice, or not. An agent sees the content of their own only.
 */
export const readInbox = async (
  deps: LoadViewsDeps,
  caller: Viewer,
  businessId: string,
  { status, agentId, cursor, limit }: InboxQuery,
): Promise<ConversationPage> => {
  const scope = JSON.stringify(['inbox', businessId, status, agentId])
  const position = cursor === undefined ? undefined : decodeCursor(scope, Position, cursor)
  const behind = position && {
    statusRank: position[0],
    priorityRank: position[1],
    queuedAt: new Date(position[2]),
    conversationId: position[3],
  }
  const found = await listInbox(deps.db, { businessId, status, agentId, behind, limit: limit + 1 })
  const page = found.slice(0, limit)
  const rows = await listConversationsById(
    deps.db,
    page.map(({ conversationId }) => conversationId),
  )
  const byId = new Map(rows.map(row => [row.id, row]))
  const items = await loadStaffViews(
    deps,
    caller,
    businessId,
    page.flatMap(({ conversationId }) => byId.get(conversationId) ?? []),
  )
  const last = page.at(-1)
  const nextCursor =
    found.length > limit && last
      ? encodeCursor(scope, [last.statusRank, last.priorityRank, last.queuedAt, last.conversationId])
      : null
  return { items, nextCursor }
}
