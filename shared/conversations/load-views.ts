import type { Viewer } from '../auth/caller.ts'
import {
  type BusinessConversationRow,
  listBusinessConversations,
} from '../business/business-conversations.repository.ts'
import { type MessageStore, openRows } from '../messages/message-body.ts'
import type { Clock } from '../platform/clock.ts'
import type { LoadedProfiles, Profiles } from '../profiles/profiles.ts'
import { type DeliveredPositions, withDelivered } from '../receipts/delivered.ts'
import { type Access, accessOf } from './access.ts'
import { conversationView } from './conversation.view.ts'
import type { ConversationRow } from './conversations.repository.ts'
import type { Conversation } from './conversations.schema.ts'
import { loadOwnParts, type OwnPart } from './own-parts.ts'
import { listParticipants, type ParticipantRow } from './participants.repository.ts'

export interface LoadViewsDeps extends MessageStore {
  clock: Clock
  delivered: DeliveredPositions
  profiles: Profiles
}

const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id)

/** What every viewer of a conversation sees of it. */
export interface SharedParts {
  participants: ReadonlyMap<string, ParticipantRow[]>
  businesses: ReadonlyMap<string, BusinessConversationRow>
  profiles: LoadedProfiles
}

/**
 * The parts of these conversations that are the same for everybody: one statement, a second one when there are business
 * conversations among them, a Redis round trip for delivered positions where somebody lacks something, and what the profiles cost.
 */
export const loadShared = async (
  { db, delivered, profiles }: LoadViewsDeps,
  conversations: readonly ConversationRow[],
  patience?: AbortSignal,
): Promise<SharedParts> => {
  const ofBusinesses = idsOf(conversations.filter(({ type }) => type === 'business'))
  const [rows, standings] = await Promise.all([
    listParticipants(db, idsOf(conversations)),
    ofBusinesses.length === 0 ? [] : listBusinessConversations(db, ofBusinesses),
  ])
  const wanted = {
    userIds: rows.map(({ user_id }) => user_id),
    businessIds: standings.map(({ business_id }) => business_id),
  }
  const lastSeqs = new Map(conversations.map(({ id, last_seq }) => [id, last_seq]))
  const [participants, loaded] = await Promise.all([
    withDelivered(delivered, rows, lastSeqs),
    profiles.load(wanted, patience),
  ])
  return {
    participants: Map.groupBy(participants, participant => participant.conversation_id),
    businesses: new Map(standings.map(standing => [standing.conversation_id, standing])),
    profiles: loaded,
  }
}

/** Undefined when the viewer has left meanwhile. */
export const accessIn = (
  { participants, businesses }: SharedParts,
  conversation: ConversationRow,
  viewer: Viewer,
): Access | undefined =>
  accessOf(conversation, participants.get(conversation.id) ?? [], businesses.get(conversation.id) ?? null, viewer)

/** Parts of views that are there already, or on their way. */
interface Given {
  shared?: SharedParts | undefined
  own?: Promise<ReadonlyMap<string, OwnPart>>
  patience?: AbortSignal
}

/**
 * Conversations as this viewer sees them, in the order given: two statements for any number, beside what the shared parts cost,
 * which are loaded at the same time unless they are given. One that the user has left meanwhile is left out.
 */
export const loadViews = async (
  deps: LoadViewsDeps,
  viewer: Viewer,
  conversations: readonly ConversationRow[],
  given: Given = {},
): Promise<Conversation[]> => {
  if (conversations.length === 0) return []
  const now = deps.clock.now()
  const [shared, own] = await Promise.all([
    given.shared ?? loadShared(deps, conversations, given.patience),
    given.own ?? loadOwnParts(deps.db, viewer.id, idsOf(conversations), now),
  ])
  const opened = await openRows(
    deps,
    [...own.values()].flatMap(({ newest }) => newest ?? []),
  )
  const newest = new Map(opened.map(row => [row.conversation_id, row]))
  return conversations.flatMap(conversation => {
    const { id } = conversation
    const access = accessIn(shared, conversation, viewer)
    const parts = { lastMessage: newest.get(id), unread: own.get(id)?.unread ?? 0, profiles: shared.profiles, now }
    return access ? [conversationView(access, parts)] : []
  })
}
