import type { Kysely } from 'kysely'
import { requireAccess } from '../conversations/access.ts'
import { hasSqlState, sqlState } from '../database/errors.ts'
import type { Database } from '../database/schema.ts'
import { type FanOutDeps, pushTo } from '../delivery/fan-out.ts'
import { type ReplayQueue, unroutedJob } from '../delivery/replay.jobs.ts'
import { noteSign } from '../delivery/signs.ts'
import type { Connection, Routing } from '../delivery/switchboard.ts'
import { idTime, newId } from '../platform/ids.ts'
import { logger } from '../platform/logger.ts'
import { conversationNotFound, Problem } from '../platform/problems.ts'
import { messageView } from './message.view.ts'
import { findStored, insertMessage } from './messages.repository.ts'
import type { Message, SendMessage } from './messages.schema.ts'

export type SendDeps = FanOutDeps & { db: Kysely<Database>; replays: ReplayQueue }

/** A client may mint an id and send it later, after a day offline at most; its clock may be ahead of ours a little. */
const oldestIdMs = 24 * 60 * 60 * 1000
const newestIdMs = 5 * 60 * 1000

export interface Sending extends SendMessage {
  conversationId: string
  senderId: string
  /** The connection that sends gets the answer, not the event. */
  from?: Connection
}

export interface Sent {
  message: Message
  /** The id was stored already, by the same sender in the same conversation: nothing was sent. */
  duplicate: boolean
}

/** The message that is stored under the id of a repeated send. Undefined when there is none. */
const findRepeated = async (
  deps: SendDeps,
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
 * Brings a stored message to everybody's live connections. Never rejects: when Redis does not answer, a job looks the
 * recipients up again, and when that can't be queued either, the sweep finds the message in Postgres.
 */
const deliver = async (deps: SendDeps, routing: Routing, message: Message, now: Date): Promise<void> => {
  const { status, ...seenByOthers } = message
  const forSender = { event: 'message.created', data: { message } } as const
  const forOthers = { event: 'message.created', data: { message: seenByOthers } } as const
  try {
    const { connections, sign } = await deps.switchboard.route(routing, now).catch(async error => {
      await deps.replays.send(unroutedJob(routing))
      throw error
    })
    const eventFor = (userId: string) => (userId === routing.senderId ? forSender : forOthers)
    await Promise.all([
      pushTo(deps, connections, eventFor, routing.from?.id),
      routing.from && sign && noteSign(deps, routing.from, sign),
    ])
  } catch (error) {
    logger.warn('A message could not be pushed', error as Error)
  }
}

/**
 * Stores a message as the next of its conversation and tells everybody's live connections: one statement, one Redis round trip
 * and the pushes. It is committed before anybody hears of it, and what can't be pushed is not an error. Repeating it with the
 * same id answers with what is stored and sends nothing.
 *
 * Throws `not_found` (not a participant), `message_id_taken`, `message_id_expired`, `validation_failed` (an id from the future).
 */
export const sendMessage = async (deps: SendDeps, sending: Sending): Promise<Sent> => {
  const { conversationId, senderId, from, content, metadata = null } = sending
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
  const type = 'text' as const
  try {
    const stored = await insertMessage(deps.db, { id, conversationId, senderId, type, content, metadata }, now)
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
    await deliver(deps, { conversationId, seq, senderId, recipients, from }, own, now)
    return { message: own, duplicate: false }
  } catch (error) {
    if (hasSqlState(error, sqlState.notParticipant)) throw conversationNotFound()
    const repeated = hasSqlState(error, sqlState.uniqueViolation) && (await findRepeated(deps, sending, id))
    if (repeated) return repeated
    throw error
  }
}
