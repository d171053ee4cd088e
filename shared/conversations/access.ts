import type { Kysely, Transaction } from 'kysely'
import type { Database } from '../database/schema.ts'
import { conversationNotFound, Problem } from '../platform/problems.ts'
import { type ConversationRow, findConversation, lockConversation } from './conversations.repository.ts'
import { listParticipants, type ParticipantRow } from './participants.repository.ts'

/** A conversation through the eyes of one of its participants. */
export interface Access {
  conversation: ConversationRow
  me: ParticipantRow
  /** The other participants, in order of joining. */
  others: ParticipantRow[]
}

const accessTo = (
  conversation: ConversationRow | undefined,
  participants: readonly ParticipantRow[],
  userId: string,
): Access => {
  const me = participants.find(participant => participant.user_id === userId)
  if (!conversation || !me) throw conversationNotFound()
  return { conversation, me, others: participants.filter(participant => participant !== me) }
}

/** Throws `not_found` unless the user is a participant now. */
export const requireAccess = async (db: Kysely<Database>, conversationId: string, userId: string): Promise<Access> => {
  const [conversation, participants] = await Promise.all([
    findConversation(db, conversationId),
    listParticipants(db, [conversationId]),
  ])
  return accessTo(conversation, participants, userId)
}

/** The same with the conversation locked, for whatever changes its members: nobody joins, leaves or sends until the end. */
export const lockAccess = async (
  trx: Transaction<Database>,
  conversationId: string,
  userId: string,
): Promise<Access> => {
  const conversation = await lockConversation(trx, conversationId)
  return accessTo(conversation, await listParticipants(trx, [conversationId]), userId)
}

/** Throws `direct_conversation` for what only a group has. */
export const requireGroup = ({ conversation }: Access): void => {
  if (conversation.type === 'direct') {
    throw new Problem('direct_conversation', 'A direct conversation always has its two participants and no name.')
  }
}

/** Throws `forbidden` unless the caller is an admin of the group. */
export const requireAdmin = ({ me }: Access): void => {
  if (me.role !== 'admin') throw new Problem('forbidden', 'Only an admin of the group may do this.')
}
