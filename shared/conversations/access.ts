import type { Kysely, Transaction } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import {
  type BusinessConversationRow,
  findBusinessConversation,
} from '../business/business-conversations.repository.ts'
import type { Database } from '../database/schema.ts'
import { conversationNotFound, Problem } from '../platform/problems.ts'
import { type ConversationRow, findWithParticipants, lockConversation } from './conversations.repository.ts'
import { listParticipants, type ParticipantRow } from './participants.repository.ts'

/** A conversation through the eyes of one of its participants, or of the business that manages it. */
export interface Access {
  conversation: ConversationRow
  /** Of the business, which is no participant, a row that is not stored: role `business`, everything read. */
  me: ParticipantRow
  /** The other participants, in order of joining. */
  others: ParticipantRow[]
  isParticipant: boolean
  /** By the token of its business, as a participant or not. */
  manages: boolean
  /** Of a business conversation. */
  business: BusinessConversationRow | null
}

/** How the business itself stands in a conversation of its own. */
const standingOfBusiness = ({ id, created_at, last_seq }: ConversationRow, viewer: Viewer): ParticipantRow => ({
  conversation_id: id,
  user_id: viewer.id,
  role: 'business',
  joined_at: created_at,
  left_at: null,
  joined_seq: 0,
  last_read_seq: last_seq,
  last_delivered_seq: last_seq,
  is_muted: false,
  muted_until: null,
})

/** Undefined when the viewer neither is a participant nor manages it. */
export const accessOf = (
  conversation: ConversationRow,
  participants: readonly ParticipantRow[],
  business: BusinessConversationRow | null,
  viewer: Viewer,
): Access | undefined => {
  const manages = business !== null && business.business_id === viewer.businessId
  const me = participants.find(participant => participant.user_id === viewer.id)
  if (!me && !manages) return undefined
  return {
    conversation,
    me: me ?? standingOfBusiness(conversation, viewer),
    others: participants.filter(participant => participant !== me),
    isParticipant: me !== undefined,
    manages,
    business,
  }
}

const accessTo = async (
  db: Kysely<Database>,
  conversation: ConversationRow | undefined,
  participants: readonly ParticipantRow[],
  viewer: Viewer,
): Promise<Access> => {
  if (!conversation) throw conversationNotFound()
  const business =
    conversation.type === 'business' ? ((await findBusinessConversation(db, conversation.id)) ?? null) : null
  const access = accessOf(conversation, participants, business, viewer)
  if (!access) throw conversationNotFound()
  return access
}

const isInIt = <Row extends { user_id: string | null }>(row: Row): row is Row & ParticipantRow => row.user_id !== null

/** Throws `not_found` unless the viewer is a participant now, or manages the conversation. One statement, two of a business's. */
export const requireAccess = async (db: Kysely<Database>, conversationId: string, viewer: Viewer): Promise<Access> => {
  const rows = await findWithParticipants(db, conversationId)
  return accessTo(db, rows[0], rows.filter(isInIt), viewer)
}

/** The same with the conversation locked, for whatever changes its members: nobody joins, leaves or sends until the end. */
export const lockAccess = async (
  trx: Transaction<Database>,
  conversationId: string,
  viewer: Viewer,
): Promise<Access> => {
  const conversation = await lockConversation(trx, conversationId)
  return accessTo(trx, conversation, await listParticipants(trx, [conversationId]), viewer)
}

/** Who hears of what happens in the conversation: its participants, and the sockets of its business. */
export const audienceOf = ({ me, others, isParticipant, business }: Access): string[] => [
  ...(isParticipant ? [me.user_id] : []),
  ...others.map(participant => participant.user_id),
  ...(business ? [business.business_id] : []),
]

/** Throws `direct_conversation` where participants never change. */
export const requireChangingMembers = ({ conversation }: Access): void => {
  if (conversation.type === 'direct') {
    throw new Problem('direct_conversation', 'A direct conversation always has its two participants and no name.')
  }
}

export const notOfBusinessConversations = (): Problem =>
  new Problem(
    'business_conversation',
    'The name, the roles, the customer and the agent of a business conversation are not changed this way.',
  )

/** Throws `direct_conversation` or `business_conversation` for what only a group has. */
export const requireGroup = (access: Access): void => {
  requireChangingMembers(access)
  if (access.conversation.type === 'business') throw notOfBusinessConversations()
}

/** Throws `forbidden` unless the caller is an admin of the group, or manages the business conversation. */
export const requireAdmin = ({ me, manages }: Access): void => {
  if (me.role !== 'admin' && !manages) {
    throw new Problem('forbidden', 'Only an admin of the group, or the business, may do this.')
  }
}
