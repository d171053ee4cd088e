import type { Kysely } from 'kysely'
import { requireAccess } from '../conversations/access.ts'
import { hasSqlState, sqlState } from '../database/errors.ts'
import type { Database } from '../database/schema.ts'
import { type FanOutDeps, fanOut, fanOutTo } from '../delivery/fan-out.ts'
import { idTime, newId } from '../platform/ids.ts'
import { conversationNotFound, Problem } from '../platform/problems.ts'
import { messageView } from './message.view.ts'
import { findStored, findVisible, insertMessage, listMessages, markDeleted } from './messages.repository.ts'
import type { HistoryQuery, Message, MessagePage, SendMessage } from './messages.schema.ts'
import { visibleSince } from './retention.ts'

export type MessageDeps = FanOutDeps & { db: Kysely<Database> }

/** A client may mint an id and send it later, after a day offline at most; its clock may be ahead of ours a little. */
const oldestIdMs = 24 * 60 * 60 * 1000
const newestIdMs = 5 * 60 * 1000

export interface Sending extends SendMessage {
  conversationId: string
  senderId: string
  /** The connection that sends gets the answer, not the event. */
  connectionId?: string
}

export interface Sent {
  message: Message
  /** The id was stored already, by the same sender in the same conversation: nothing was sent. */
  duplicate: boolean
}

const messageNotFound = () => new Problem('not_found', 'There is no such message.')

/** The message that is stored under the id of a repeated send. Undefined when there is none. */
const findRepeated = async (
  deps: MessageDeps,
  { conversationId, senderId }: Sending,
  id: string,
): Promise<Sent | undefined> => {
  const [{ others }, stored] = await Promise.all([
    requireAccess(deps.db, conversationId, senderId),
    findStored(deps.db, id),
  ])
  if (!stored) return undefined
  if (stored.sender_id !== senderId || stored.conversation_id !== conversationId) {
    throw new Problem('message_id_taken', 'There is a message with this id already. Mint a new one.')
  }
  return { message: messageView(stored, senderId, others), duplicate: true }
}

/**
 * Stores a message as the next of its conversation and tells everybody's live connections: one statement, one Redis round trip
 * and the pushes. It is committed before anybody hears of it, and what can't be pushed is not an error. Repeating it with the
 * same id answers with what is stored and sends nothing.
 *
 * Throws `not_found` (not a participant), `message_id_taken`, `message_id_expired`, `validation_failed` (an id from the future).
 */
export const sendMessage = async (deps: MessageDeps, sending: Sending): Promise<Sent> => {
  const { conversationId, senderId, connectionId, content, metadata = null } = sending
  const now = deps.clock.now()
  const id = sending.id ?? newId(deps.clock)
  const age = now.getTime() - idTime(id)
  if (age > oldestIdMs) {
    const repeated = await findRepeated(deps, sending, id)
    if (repeated) return repeated
    throw new Problem('message_id_expired', 'The id was minted more than 24 hours ago. Mint a new one and send again.')
  }
  if (age < -newestIdMs) {
    throw new Problem('validation_failed', 'id: minted more than 5 minutes ahead of the server.', {
      errors: [{ path: 'id', message: 'Minted more than 5 minutes ahead of the server' }],
    })
  }
  try {
    const stored = await insertMessage(deps.db, { id, conversationId, senderId, type: 'text', content, metadata }, now)
    const message: Message = {
      id,
      conversationId,
      seq: stored.seq,
      senderId,
      type: 'text',
      content,
      metadata,
      sentAt: stored.sentAt.toISOString(),
      deletedAt: null,
    }
    const own: Message = { ...message, status: 'sent' }
    const forOthers = { event: 'message.created', data: { message } } as const
    const forSender = { event: 'message.created', data: { message: own } } as const
    await fanOutTo(deps, stored.recipients, userId => (userId === senderId ? forSender : forOthers), connectionId)
    return { message: own, duplicate: false }
  } catch (error) {
    if (hasSqlState(error, sqlState.notParticipant)) throw conversationNotFound()
    const repeated = hasSqlState(error, sqlState.uniqueViolation) && (await findRepeated(deps, sending, id))
    if (repeated) return repeated
    throw error
  }
}

/** A page of the conversation in the order of `seq`; without a position the newest. Throws `not_found`. */
export const readHistory = async (
  deps: Pick<MessageDeps, 'db' | 'clock'>,
  { userId, conversationId, before, after, limit }: HistoryQuery & { userId: string; conversationId: string },
): Promise<MessagePage> => {
  const { me, others } = await requireAccess(deps.db, conversationId, userId)
  const rows = await listMessages(
    deps.db,
    {
      conversationId,
      above: Math.max(after ?? 0, me.joined_seq),
      below: before,
      direction: after === undefined ? 'desc' : 'asc',
      limit: limit + 1,
    },
    visibleSince(deps.clock.now()),
  )
  const page = rows.slice(0, limit)
  if (after === undefined) page.reverse()
  return { items: page.map(row => messageView(row, userId, others)), hasMore: rows.length > limit }
}

/** One message. Throws `not_found` for whatever the user may not see. */
export const getMessage = async (
  deps: Pick<MessageDeps, 'db' | 'clock'>,
  { userId, conversationId, messageId }: { userId: string; conversationId: string; messageId: string },
): Promise<Message> => {
  const { me, others } = await requireAccess(deps.db, conversationId, userId)
  const reference = { conversationId, messageId, joinedSeq: me.joined_seq }
  const row = await findVisible(deps.db, reference, visibleSince(deps.clock.now()))
  if (!row) throw messageNotFound()
  return messageView(row, userId, others)
}

/**
 * Deletes a message for everybody: its sender may, and in a group an admin. Its content is gone at once; that it was there
 * shows for 7 days. Tells everybody who could see it. Repeating it changes nothing.
 */
export const deleteMessage = async (
  deps: MessageDeps,
  { userId, conversationId, messageId }: { userId: string; conversationId: string; messageId: string },
): Promise<void> => {
  const now = deps.clock.now()
  const { conversation, me, others } = await requireAccess(deps.db, conversationId, userId)
  const reference = { conversationId, messageId, joinedSeq: me.joined_seq }
  const row = await findVisible(deps.db, reference, visibleSince(now))
  if (!row) throw messageNotFound()
  const mayDelete = row.sender_id === userId || (conversation.type === 'group' && me.role === 'admin')
  if (!mayDelete)
    throw new Problem('forbidden', 'Only the sender of a message, or an admin of the group, may delete it.')
  const deleted = await markDeleted(deps.db, reference, now)
  if (!deleted) return
  const userIds = [me, ...others].filter(({ joined_seq }) => joined_seq < deleted.seq).map(({ user_id }) => user_id)
  const data = { conversationId, messageId, seq: deleted.seq, deletedAt: now.toISOString() }
  await fanOut(deps, userIds, { event: 'message.deleted', data })
}
