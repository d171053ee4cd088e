import type { Viewer } from '../auth/caller.ts'
import { reopenForCustomer } from '../business/reopen.ts'
import type { BusinessDeps } from '../business/turn.ts'
import { tellToWait } from '../business/waiting.ts'
import { requireAccess } from '../conversations/access.ts'
import { hasSqlState, sqlState } from '../database/errors.ts'
import type { Connection } from '../delivery/switchboard.ts'
import { idTime, newId } from '../platform/ids.ts'
import { measure } from '../platform/metrics.ts'
import { conversationNotFound, Problem } from '../platform/problems.ts'
import { deliver } from './deliver.ts'
import { messageView } from './message.view.ts'
import { findStored, insertMessage, isStored } from './messages.repository.ts'
import type { Message, SendMessage } from './messages.schema.ts'

export type SendDeps = BusinessDeps

/** A client may mint an id and send it later, after a day offline at most; its clock may be ahead of ours a little. */
const oldestIdMs = 24 * 60 * 60 * 1000
const newestIdMs = 5 * 60 * 1000

/** Somebody may close a conversation between its opening and the message, but hardly more often. */
const maxReopenings = 3

const expired = () =>
  new Problem('message_id_expired', 'The id was minted more than 24 hours ago. Mint a new one and send again.')

const taken = () => new Problem('message_id_taken', 'There is a message with this id already. Mint a new one.')

/** In milliseconds. Throws `validation_failed` for an id from the future. */
const ageOf = (id: string, now: Date): number => {
  const age = now.getTime() - idTime(id)
  if (age >= -newestIdMs) return age
  throw new Problem('validation_failed', 'id: minted more than 5 minutes ahead of the server.', {
    errors: [{ path: 'id', message: 'Minted more than 5 minutes ahead of the server' }],
  })
}

/** Throws unless a message that is stored nowhere yet could have this id. */
export const requireFreshId = async ({ db, clock }: Pick<SendDeps, 'db' | 'clock'>, id: string): Promise<void> => {
  if (await isStored(db, id)) throw taken()
  if (ageOf(id, clock.now()) > oldestIdMs) throw expired()
}

export interface Sending extends SendMessage {
  conversationId: string
  senderId: string
  /** The business that the sender manages. */
  businessId?: string | undefined
  /** The connection that sends gets the answer, not the event. */
  from?: Connection
}

export interface Sent {
  message: Message
  /** The id was stored already, by the same sender in the same conversation: nothing was sent. */
  duplicate: boolean
}

/** The sender as the caller of a request. */
export const senderOf = ({ id, businessId }: Viewer): Pick<Sending, 'senderId' | 'businessId'> => ({
  senderId: id,
  businessId,
})

/** The message that is stored under the id of a repeated send. Undefined when there is none. */
const findRepeated = async (
  deps: SendDeps,
  { conversationId, senderId, businessId }: Sending,
  id: string,
): Promise<Sent | undefined> => {
  const [{ others }, stored] = await Promise.all([
    requireAccess(deps.db, conversationId, { id: senderId, ...(businessId !== undefined && { businessId }) }),
    findStored(deps, id),
  ])
  if (!stored) return undefined
  if (stored.sender_id !== senderId || stored.conversation_id !== conversationId) {
    throw taken()
  }
  return { message: messageView(stored, senderId, others), duplicate: true }
}

/**
 * Stores a message as the next of its conversation and tells everybody's live connections: one statement, one Redis round trip
 * and the pushes. It is committed before anybody hears of it, and what can't be pushed is not an error. Repeating it with the
 * same id answers with what is stored and sends nothing. In a business conversation that is closed, a customer's message opens it
 * again.
 *
 * Throws `not_found` (not a participant), `message_id_taken`, `message_id_expired`, `validation_failed` (an id from the future),
 * `another_open` (the customer has a newer open conversation with the business).
 */
export const sendMessage = (deps: SendDeps, sending: Sending): Promise<Sent> =>
  storeAndDeliver(deps, sending, maxReopenings)

const storeAndDeliver = async (deps: SendDeps, sending: Sending, reopenings: number): Promise<Sent> => {
  const { conversationId, senderId, businessId, from, content, metadata = null } = sending
  const now = deps.clock.now()
  const id = sending.id ?? newId(deps.clock)
  if (ageOf(id, now) > oldestIdMs) {
    const repeated = await findRepeated(deps, sending, id)
    if (repeated) return repeated
    throw expired()
  }
  const type = 'text' as const
  try {
    const message = { id, conversationId, senderId, businessId, type, content, metadata }
    const stored = await insertMessage(deps.db, await deps.contentKeys.active(deps.db), message, now)
    measure('MessagesSent')
    const { seq, recipients } = stored
    const sentAt = stored.sentAt.toISOString()
    const own = {
      id,
      conversationId,
      seq,
      senderId,
      type,
      content,
      metadata,
      sentAt,
      deletedAt: null,
      status: 'sent' as const,
    }
    await deliver(deps, { conversationId, seq, senderId, recipients, businessId: stored.businessId, from }, own, now)
    return { message: own, duplicate: false }
  } catch (error) {
    if (hasSqlState(error, sqlState.notParticipant)) throw conversationNotFound()
    if (hasSqlState(error, sqlState.conversationClosed)) return sendToClosed(deps, { ...sending, id }, reopenings)
    const repeated = hasSqlState(error, sqlState.uniqueViolation) && (await findRepeated(deps, sending, id))
    if (repeated) return repeated
    throw error
  }
}

/** Opens a conversation again for its customer, with their message; if it is to wait, they are told after it. */
const sendToClosed = async (deps: SendDeps, sending: Sending, reopenings: number): Promise<Sent> => {
  const { conversationId, senderId } = sending
  if (reopenings === 0) throw new Problem('conversation_closed', 'The conversation is being closed. Send again.')
  await reopenForCustomer(deps, conversationId, senderId)
  const sent = await storeAndDeliver(deps, sending, reopenings - 1)
  await tellToWait(deps, [conversationId])
  return sent
}
