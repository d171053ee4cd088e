import { lockConversation } from '../conversations/conversations.repository.ts'
import { type DeliverDeps, deliver } from '../messages/deliver.ts'
import type { MessageStore } from '../messages/message-body.ts'
import { insertMessage } from '../messages/messages.repository.ts'
import { newId } from '../platform/ids.ts'
import { logger } from '../platform/logger.ts'
import { findBusinessConversation, setToldToWait } from './business-conversations.repository.ts'
import { findBusiness } from './businesses.repository.ts'

/** What a customer is told for whose business nothing else is set. */
const defaultText =
  'Thank you for your message. Nobody is free to answer right now; we will get back to you here as soon as we can.'

type WaitingDeps = DeliverDeps & MessageStore

const tellOne = async (deps: WaitingDeps, conversationId: string): Promise<void> => {
  const now = deps.clock.now()
  const key = await deps.contentKeys.active(deps.db)
  const told = await deps.db.transaction().execute(async trx => {
    await lockConversation(trx, conversationId)
    const chat = await findBusinessConversation(trx, conversationId)
    if (chat?.status !== 'queued' || chat.is_told_to_wait) return undefined
    const business = await findBusiness(trx, chat.business_id)
    const message = {
      id: newId(deps.clock),
      conversationId,
      senderId: chat.business_id,
      type: 'system' as const,
      content: business?.auto_reply ?? defaultText,
      metadata: null,
    }
    const stored = await insertMessage(trx, key, message, now)
    await setToldToWait(trx, conversationId)
    return { message, stored }
  })
  if (!told) return
  const { message, stored } = told
  const { seq, sentAt, recipients, businessId } = stored
  const { senderId } = message
  await deliver(
    deps,
    { conversationId, seq, senderId, recipients, businessId },
    { ...message, seq, sentAt: sentAt.toISOString(), deletedAt: null },
    now,
  )
}

/**
 * Tells the customers of those of these conversations that are queued that they have to wait, by one system message, which
 * nobody gets a second time before somebody has answered. Safe to repeat, and to run twice at once. Never rejects: what it
 * follows is done, and whoever was not told is told by the sweep.
 */
export const tellToWait = async (deps: WaitingDeps, conversationIds: Iterable<string>): Promise<void> => {
  try {
    for (const conversationId of conversationIds) await tellOne(deps, conversationId)
  } catch (error) {
    logger.warn('A customer was not told to wait', error as Error)
  }
}
