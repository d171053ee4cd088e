import type { Viewer } from '../auth/caller.ts'
import {
  type BusinessConversationRow,
  listBusinessConversations,
} from '../business/business-conversations.repository.ts'
import type { MessageStore } from '../messages/message-body.ts'
import { countUnread, type MessageRow, newestVisible } from '../messages/messages.repository.ts'
import { visibleAt } from '../messages/retention.config.ts'
import type { Clock } from '../platform/clock.ts'
import type { LoadedProfiles, Profiles } from '../profiles/profiles.ts'
import { type DeliveredPositions, withDelivered } from '../receipts/delivered.ts'
import { type Access, accessOf } from './access.ts'
import { conversationView } from './conversation.view.ts'
import type { ConversationRow } from './conversations.repository.ts'
import type { Conversation } from './conversations.schema.ts'
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
 * conversations among them, a Redis round trip for delivered positions and what the profiles cost.
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
  const [participants, loaded] = await Promise.all([withDelivered(delivered, rows), profiles.load(wanted, patience)])
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

interface OwnParts {
  newest: ReadonlyMap<string, MessageRow>
  unread: ReadonlyMap<string, number>
}

/** What depends on who looks: two statements. */
const loadOwn = async (
  deps: LoadViewsDeps,
  viewer: Viewer,
  conversations: readonly ConversationRow[],
  now: Date,
): Promise<OwnParts> => {
  const since = visibleAt(now)
  const scope = { userId: viewer.id, conversationIds: idsOf(conversations) }
  const [newest, unread] = await Promise.all([newestVisible(deps, scope, since), countUnread(deps.db, scope, since)])
  return { newest, unread }
}

/**
 * Conversations as this viewer sees them, in the order given: two statements for any number, beside what the shared parts cost,
 * which are loaded at the same time unless they are given. One that the user has left meanwhile is left out.
 */
export const loadViews = async (
  deps: LoadViewsDeps,
  viewer: Viewer,
  conversations: readonly ConversationRow[],
  given?: SharedParts,
): Promise<Conversation[]> => {
  if (conversations.length === 0) return []
  const now = deps.clock.now()
  const [shared, { newest, unread }] = await Promise.all([
    given ?? loadShared(deps, conversations),
    loadOwn(deps, viewer, conversations, now),
  ])
  return conversations.flatMap(conversation => {
    const { id } = conversation
    const access = accessIn(shared, conversation, viewer)
    const own = { lastMessage: newest.get(id), unread: unread.get(id) ?? 0 }
    return access ? [conversationView(access, { ...own, profiles: shared.profiles, now })] : []
  })
}
