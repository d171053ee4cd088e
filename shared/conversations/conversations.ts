import * as z from 'zod'
import type { Audit } from '../audit/audit.ts'
import type { Viewer } from '../auth/caller.ts'
import { type FanOutDeps, fanOutTo } from '../delivery/fan-out.ts'
import { countUnread } from '../messages/messages.repository.ts'
import { visibleAt } from '../messages/retention.config.ts'
import { decodeCursor, encodeCursor } from '../platform/cursor.ts'
import { newId } from '../platform/ids.ts'
import { conversationNotFound, Problem } from '../platform/problems.ts'
import { type LoadedProfiles, profilePatience } from '../profiles/profiles.ts'
import { mentionUsers } from '../users/users.ts'
import { type Access, lockAccess, requireAdmin, requireGroup } from './access.ts'
import { displayName } from './conversation.view.ts'
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
import type { ListCache } from './list-cache.ts'
import { accessIn, type LoadViewsDeps, loadShared, loadViews } from './load-views.ts'
import { findOwnParts } from './own-parts.ts'
import { insertParticipants } from './participants.repository.ts'

export type ConversationDeps = FanOutDeps & LoadViewsDeps & { audit: Audit }

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

/**
 * Tells every participant but the caller of a conversation that is new or changed, each as they see it; returns it as the caller
 * does.
 */
const announce = async (
  deps: ConversationDeps,
  event: 'conversation.created' | 'conversation.updated',
  row: ConversationRow,
  callerId: string,
): Promise<Conversation> => {
  const shared = await loadShared(deps, [row])
  const userIds = (shared.participants.get(row.id) ?? []).map(participant => participant.user_id)
  const views = await Promise.all(userIds.map(id => loadViews(deps, { id }, [row], { shared })))
  const events = new Map(
    userIds.flatMap((userId, index) =>
      (views[index] ?? []).map(conversation => [userId, { event, data: { conversation } }] as const),
    ),
  )
  const others = userIds.filter(id => id !== callerId)
  await fanOutTo(deps, others, userId => events.get(userId) ?? null)
  const own = events.get(callerId)
  if (!own) throw conversationNotFound()
  return own.data.conversation
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
  const others = [targetUserId]
  const [conversation] = await Promise.all([
    announce(deps, 'conversation.created', made, userId),
    deps.audit.record({ action: 'conversation.created', userId, target: { conversationId: made.id }, others }),
  ])
  return { conversation, created: true }
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
    const others = group.participantIds
    const [conversation] = await Promise.all([
      announce(deps, 'conversation.created', made, userId),
      deps.audit.record({ action: 'conversation.created', userId, target: { conversationId: id }, others }),
    ])
    return { conversation, created: true }
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
  return announce(deps, 'conversation.updated', row, caller.id)
}

const Position = z.tuple([z.iso.datetime(), z.uuid()])

/** A search reads on until its page is full or the list ends; these many conversations at a time. */
const searchBatch = 100

/** For comparing names: upper and lower case are the same, and so are letters that only differ in how they are encoded. */
const folded = (name: string): string => name.normalize('NFKC').toLowerCase()

const hasName = (access: Access, profiles: LoadedProfiles, search: string): boolean =>
  [displayName(access, profiles), ...access.others.map(other => profiles.user(other.user_id).name)].some(name =>
    folded(name).includes(search),
  )

const withUnread = async <Row extends { id: string }>(
  { db, clock }: ConversationDeps,
  userId: string,
  rows: readonly Row[],
): Promise<Row[]> => {
  const scope = { userId, conversationIds: rows.map(({ id }) => id) }
  const counts = await countUnread(db, scope, visibleAt(clock.now()))
  return rows.filter(({ id }) => (counts.get(id) ?? 0) > 0)
}

export type ListDeps = ConversationDeps & { /** Null: none. */ listCache: ListCache | null }

/**
 * The caller's conversations, newest activity first, page by page; a conversation that moves up meanwhile may come again. What
 * a search passes over costs its names only: what `loadShared` does for a hundred conversations, and nothing of messages.
 */
export const listOwnConversations = async (
  deps: ListDeps,
  userId: string,
  { type, search, unread, cursor, limit }: ListConversations,
): Promise<ConversationPage> => {
  const scope = JSON.stringify(['conversations', userId, type, search, unread])
  const viewer = { id: userId }
  const wanted = search === undefined ? undefined : folded(search)
  const batch = wanted === undefined && !unread ? limit : Math.max(searchBatch, limit)
  const patience = profilePatience()
  const items: Conversation[] = []
  let position = cursor === undefined ? undefined : decodeCursor(scope, Position, cursor)
  for (;;) {
    const behind = position && { lastActivityAt: new Date(position[0]), id: position[1] }
    const rows = await listConversations(deps.db, { userId, type, behind, limit: batch + 1 })
    const scanned = rows.slice(0, batch)
    const candidates = unread ? await withUnread(deps, userId, scanned) : scanned
    const shared = wanted === undefined ? undefined : await loadShared(deps, candidates, patience)
    const found = candidates.filter(row => {
      const access = shared && accessIn(shared, row, viewer)
      return wanted === undefined || (access && hasName(access, shared.profiles, wanted))
    })
    const page = found.slice(0, limit - items.length)
    if (page.length > 0) {
      const own = findOwnParts(deps, userId, page)
      items.push(...(await loadViews(deps, viewer, page, { shared, own, patience })))
    }
    const isCut = page.length < found.length
    const last = isCut ? page.at(-1) : scanned.at(-1)
    if (!last || (!isCut && rows.length <= batch)) return { items, nextCursor: null }
    position = [last.last_activity_at.toISOString(), last.id]
    if (items.length === limit) return { items, nextCursor: encodeCursor(scope, position) }
  }
}
