import { v5 } from 'uuid'
import * as z from 'zod/mini'
import { readConfig } from '../platform/config.ts'
import { createQueue, type Queue } from '../platform/queue.ts'

/** What the platform's push service is asked for. `docs/integration.md` is its contract; nothing of the content is in it. */
export interface PushRequest {
  version: 1
  /** One for each message and recipient. */
  dedupId: string
  /** The same for what came for the recipient, in the conversation, within ten seconds. */
  collapseKey: string
  /** The recipient. */
  userId: string
  conversationId: string
  messageId: string
  seq: number
  sentAt: string
}

/** A message that somebody has not got. */
export interface MissedMessage {
  userId: string
  conversationId: string
  messageId: string
  seq: number
  sentAt: Date
}

export const dedupIdOf = ({ messageId, userId }: MissedMessage): string => `${messageId}:${userId}`

/** @param windowStart when the first message came that it is to be shown together with, in milliseconds since 1970. */
export const pushRequest = (missed: MissedMessage, windowStart: number): PushRequest => {
  const { userId, conversationId, messageId, seq, sentAt } = missed
  return {
    version: 1,
    dedupId: dedupIdOf(missed),
    // A hash, because Apple allows 64 bytes.
    collapseKey: v5(`${userId}:${windowStart}`, conversationId),
    userId,
    conversationId,
    messageId,
    seq,
    sentAt: sentAt.toISOString(),
  }
}

const NotificationsConfig = z.object({ NOTIFICATIONS_QUEUE_URL: z.url() })

export const notificationsFromEnvironment = (): Queue<PushRequest> =>
  createQueue(readConfig(NotificationsConfig).NOTIFICATIONS_QUEUE_URL)
