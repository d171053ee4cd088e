import type { Kysely } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import { listBusinessConversations } from '../business/business-conversations.repository.ts'
import type { Database } from '../database/schema.ts'
import { countUnread, newestVisible } from '../messages/messages.repository.ts'
import { visibleAt } from '../messages/retention.config.ts'
import type { Clock } from '../platform/clock.ts'
import { type DeliveredPositions, withDelivered } from '../receipts/delivered.ts'
import { accessOf } from './access.ts'
import { conversationView } from './conversation.view.ts'
import type { ConversationRow } from './conversations.repository.ts'
import type { Conversation } from './conversations.schema.ts'
import { listParticipants } from './participants.repository.ts'

export interface LoadViewsDeps {
  db: Kysely<Database>
  clock: Clock
  delivered: DeliveredPositions
}

/**
 * Conversations as this viewer sees them, in the order given: three statements and one Redis round trip for any number, a
 * fourth statement when there are business conversations among them. One that the user has left meanwhile is left out.
 */
export const loadViews = async (
  { db, clock, delivered }: LoadViewsDeps,
  viewer: Viewer,
  conversations: readonly ConversationRow[],
): Promise<Conversation[]> => {
  if (conversations.length === 0) return []
  const conversationIds = conversations.map(conversation => conversation.id)
  const ofBusinesses = conversations.filter(({ type }) => type === 'business').map(({ id }) => id)
  const now = clock.now()
  const since = visibleAt(now)
  const scope = { userId: viewer.id, conversationIds }
  const [participants, newest, unread, standings] = await Promise.all([
    listParticipants(db, conversationIds).then(rows => withDelivered(delivered, rows)),
    newestVisible(db, scope, since),
    countUnread(db, scope, since),
    ofBusinesses.length === 0 ? [] : listBusinessConversations(db, ofBusinesses),
  ])
  const members = Map.groupBy(participants, participant => participant.conversation_id)
  const businesses = new Map(standings.map(standing => [standing.conversation_id, standing]))
  return conversations.flatMap(conversation => {
    const { id } = conversation
    const access = accessOf(conversation, members.get(id) ?? [], businesses.get(id) ?? null, viewer)
    return access ? [conversationView(access, { lastMessage: newest.get(id), unread: unread.get(id) ?? 0, now })] : []
  })
}
