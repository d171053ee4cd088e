import type { Kysely } from 'kysely'
import * as z from 'zod'
import type { Viewer } from '../auth/caller.ts'
import type { Database } from '../database/schema.ts'
import { type FanOutDeps, fanOutTo } from '../delivery/fan-out.ts'
import { decodeCursor, encodeCursor } from '../platform/cursor.ts'
import { newId } from '../platform/ids.ts'
import { conversationNotFound, Problem } from '../platform/problems.ts'
import type { DeliveredPositions } from '../receipts/delivered.ts'
import { mentionUsers } from '../users/users.ts'
import { lockAccess, requireAdmin, requireGroup } from './access.ts'
import {
  type ConversationRow,
  findConversation,
  findDirect,
  insertConversation,
  listConversations,
  pairOf,
  renameConversation,
} from './conversations.repository.ts'
import type { Conversation, ConversationPage, CreateGroup, ListConversations } from './conversations.schema.ts'
import { loadViews } from './load-views.ts'
import { insertParticipants, listParticipants } from './participants.repository.ts'

export type ConversationDeps = FanOutDeps & { db: Kysely<Database>; delivered: DeliveredPositions }

export interface Opened {
  conversation: Conversation
  /** False when it was there already. */
  created: boolean
}

const viewOf = async (
  deps: ConversationDeps,
  viewer: Viewer,
  row: ConversationRow | undefined,
): Promise<Conversation> => {
  const [conversation] = await loadViews(deps, viewer, row ? [row] : [])
  if (!conversation) throw conversationNotFound()
  return conversation
}

/** Tells every participant but one of a conversation that is new or changed, each as they see it. */
const announce = async (
  deps: ConversationDeps,
  event: 'conversation.created' | 'conversation.updated',
  row: ConversationRow,
  exceptUserId?: string,
): Promise<void> => {
  const participants = await listParticipants(deps.db, [row.id])
  const userIds = participants.map(participant => participant.user_id).filter(id => id !== exceptUserId)
  const views = new Map(
    await Promise.all(
      userIds.map(
        async userId => [userId, { event, data: { conversation: await viewOf(deps, { id: userId }, row) } }] as const,
      ),
    ),
  )
  await fanOutTo(deps, userIds, userId => views.get(userId) ?? null)
}

/**
 * The caller's direct conversation with another user, made if there is none. A pair has exactly one, also under concurrent
 * calls: the loser of the race finds the winner's.
 */
export const openDirect = async (deps: ConversationDeps, userId: string, targetUserId: string): Promise<Opened> => {
  if (userId === targetUserId) {
    throw new Problem('validation_failed', 'targetUserId: this is you.', {
      errors: [{ path: 'targetUserId', message: 'This is you' }],
    })
  }
  const existing = await findDirect(deps.db, userId, targetUserId)
  if (existing) return { conversation: await viewOf(deps, { id: userId }, existing), created: false }
  const now = deps.clock.now()
  const made = await deps.db.transaction().execute(async trx => {
    await mentionUsers(trx, [userId, targetUserId], now)
    const row = await insertConversation(
      trx,
      { id: newId(deps.clock), type: 'direct', name: null, created_by: userId, ...pairOf(userId, targetUserId) },
      now,
    )
    if (!row) return undefined
    const users = [userId, targetUserId].map(id => ({ userId: id, role: 'member' as const }))
    await insertParticipants(trx, { conversationId: row.id, users, joinedSeq: 0 }, now)
    return row
  })
  if (!made) {
    const winner = await findDirect(deps.db, userId, targetUserId)
    return { conversation: await viewOf(deps, { id: userId }, winner), created: false }
  }
  await announce(deps, 'conversation.created', made, userId)
  return { conversation: await viewOf(deps, { id: userId }, made), created: true }
}

/**
 * A new group with the caller as its admin. With an `id` that the caller has made a group of before, that group: so a request
 * can be repeated. An id of anybody else's is `conversation_id_taken`.
 */
export const createGroup = async (deps: ConversationDeps, userId: string, group: CreateGroup): Promise<Opened> => {
  if (group.participantIds.includes(userId)) {
    throw new Problem('validation_failed', 'participantIds: the creator is a participant anyway.', {
      errors: [{ path: 'participantIds', message: 'The creator is a participant anyway' }],
    })
  }
  const id = group.id ?? newId(deps.clock)
  const now = deps.clock.now()
  const made = await deps.db.transaction().execute(async trx => {
    await mentionUsers(trx, [userId, ...group.participantIds], now)
    const row = await insertConversation(trx, { id, type: 'group', name: group.name ?? null, created_by: userId }, now)
    if (!row) return undefined
    const users = [
      { userId, role: 'admin' as const },
      ...group.participantIds.map(memberId => ({ userId: memberId, role: 'member' as const })),
    ]
    await insertParticipants(trx, { conversationId: id, users, joinedSeq: 0 }, now)
    return row
  })
  if (made) {
    await announce(deps, 'conversation.created', made, userId)
    return { conversation: await viewOf(deps, { id: userId }, made), created: true }
  }
  const existing = await findConversation(deps.db, id)
  const [conversation] =
    existing?.type === 'group' && existing.created_by === userId
      ? await loadViews(deps, { id: userId }, [existing])
      : []
  if (!conversation) throw new Problem('conversation_id_taken', 'There is a conversation with this id already.')
  return { conversation, created: false }
}

/** Throws `not_found` unless the caller is a participant, or manages the conversation. */
export const getConversation = async (deps: ConversationDeps, caller: Viewer, id: string): Promise<Conversation> =>
  viewOf(deps, caller, await findConversation(deps.db, id))

/** Gives a group a name; admins only. Atomic; tells every participant. */
export const renameGroup = async (
  deps: ConversationDeps,
  { caller, conversationId, name }: { caller: Viewer; conversationId: string; name: string },
): Promise<Conversation> => {
  const row = await deps.db.transaction().execute(async trx => {
    const access = await lockAccess(trx, conversationId, caller)
    requireGroup(access)
    requireAdmin(access)
    await renameConversation(trx, conversationId, name)
    return { ...access.conversation, name }
  })
  await announce(deps, 'conversation.updated', row, caller.id)
  return viewOf(deps, caller, row)
}

const Position = z.tuple([z.iso.datetime(), z.uuid()])

/** A search reads on until its page is full or the list ends; these many rows at a time. */
const searchBatch = 100

const matches = (conversation: Conversation, userId: string, search: string): boolean => {
  const names = conversation.participants.filter(({ userId: id }) => id !== userId).map(({ profile }) => profile.name)
  return [conversation.name, ...names].some(name => name.toLowerCase().includes(search))
}

/** The caller's conversations, newest activity first, page by page; a conversation that moves up meanwhile may come again. */
export const listOwnConversations = async (
  deps: ConversationDeps,
  userId: string,
  { type, search, unread, cursor, limit }: ListConversations,
): Promise<ConversationPage> => {
  const scope = JSON.stringify(['conversations', userId, type, search, unread])
  const filtered = search !== undefined || unread !== undefined
  const wanted = search?.toLowerCase()
  const items: Conversation[] = []
  let position = cursor === undefined ? undefined : decodeCursor(scope, Position, cursor)
  for (;;) {
    const behind = position && { lastActivityAt: new Date(position[0]), id: position[1] }
    const batch = filtered ? Math.max(searchBatch, limit) : limit
    const rows = await listConversations(deps.db, { userId, type, behind, limit: batch + 1 })
    const views = await loadViews(deps, { id: userId }, rows.slice(0, batch))
    for (const [index, view] of views.entries()) {
      position = [view.lastActivityAt, view.id]
      if (unread && view.unreadCount === 0) continue
      if (wanted !== undefined && !matches(view, userId, wanted)) continue
      items.push(view)
      const isLast = index === views.length - 1 && rows.length <= batch
      if (items.length === limit) return { items, nextCursor: isLast ? null : encodeCursor(scope, position) }
    }
    if (rows.length <= batch) return { items, nextCursor: null }
  }
}
