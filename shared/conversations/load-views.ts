import type { Kysely } from 'kysely'
import type { Database } from '../database/schema.ts'
import { countUnread, newestVisible } from '../messages/messages.repository.ts'
import { visibleAt } from '../messages/retention.config.ts'
import type { Clock } from '../platform/clock.ts'
import { type DeliveredPositions, withDelivered } from '../receipts/delivered.ts'
import { conversationView } from './conversation.view.ts'
import type { ConversationRow } from './conversations.repository.ts'
import type { Conversation } from './conversations.schema.ts'
import { listParticipants, type ParticipantRow } from './participants.repository.ts'

/**
 * Conversations as this user sees them, in the order given: three statements and one Redis round trip for any number. One that the user has left
 * meanwhile is left out.
 */
export const loadViews = async (
  { db, clock, delivered }: { db: Kysely<Database>; clock: Clock; delivered: DeliveredPositions },
  userId: string,
  conversations: readonly ConversationRow[],
): Promise<Conversation[]> => {
  if (conversations.length === 0) return []
  const conversationIds = conversations.map(conversation => conversation.id)
  const since = visibleAt(clock.now())
  const [participants, newest, unread] = await Promise.all([
    listParticipants(db, conversationIds).then(rows => withDelivered(delivered, rows)),
    newestVisible(db, { userId, conversationIds }, since),
    countUnread(db, { userId, conversationIds }, since),
  ])
  const members = Map.groupBy(participants, participant => participant.conversation_id)
  return conversations.flatMap(conversation => {
    const present: ParticipantRow[] = members.get(conversation.id) ?? []
    const me = present.find(participant => participant.user_id === userId)
    if (!me) return []
    const others = present.filter(participant => participant !== me)
    const contents = { lastMessage: newest.get(conversation.id), unread: unread.get(conversation.id) ?? 0 }
    return [conversationView({ conversation, me, others }, contents)]
  })
}
