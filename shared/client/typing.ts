import type { Connection } from './connection.ts'
import type { Environment } from './environment.ts'
import type { ServerTime } from './server-time.ts'

/** The service passes typing on once in this time, so more often is of no use. */
const throttleMs = 3_000
/** It ends by itself after this time: what is said to last much longer is a clock that is wrong. */
const longestMs = 10_000

export interface Typing {
  /** The user is typing, or has stopped: may be called with each key that is pressed. */
  tell(conversationId: string, isTyping: boolean): void
  /** The user has sent a message, which says as much as that they stopped. */
  sent(conversationId: string): void
  /** Somebody else types until then. */
  started(conversationId: string, userId: string, expiresAt: string): void
  stopped(conversationId: string, userId: string): void
  /** Nothing is known of anybody. */
  reset(): void
}

export const createTyping = (
  { after }: Pick<Environment, 'after'>,
  connection: Pick<Connection, 'tell'>,
  serverTime: ServerTime,
  changed: (conversationId: string, userIds: string[]) => void,
): Typing => {
  const told = new Map<string, () => void>()
  const typists = new Map<string, Map<string, () => void>>()

  const stopped: Typing['stopped'] = (conversationId, userId) => {
    const those = typists.get(conversationId)
    const cancel = those?.get(userId)
    if (!those || !cancel) return
    cancel()
    those.delete(userId)
    if (those.size === 0) typists.delete(conversationId)
    changed(conversationId, [...those.keys()])
  }
  return {
    tell: (conversationId, isTyping) => {
      const forget = told.get(conversationId)
      if (isTyping === (forget !== undefined)) return
      if (forget) {
        forget()
        told.delete(conversationId)
        connection.tell('typing.stop', { conversationId })
      } else {
        const cancel = after(throttleMs, () => told.delete(conversationId))
        told.set(conversationId, cancel)
        connection.tell('typing.start', { conversationId })
      }
    },
    sent: conversationId => {
      told.get(conversationId)?.()
      told.delete(conversationId)
    },
    started: (conversationId, userId, expiresAt) => {
      const those = typists.get(conversationId) ?? new Map<string, () => void>()
      typists.set(conversationId, those)
      const isNew = !those.has(userId)
      those.get(userId)?.()
      const leftMs = Math.max(0, Math.min(Date.parse(expiresAt) - serverTime.now(), longestMs))
      those.set(
        userId,
        after(leftMs, () => stopped(conversationId, userId)),
      )
      if (isNew) changed(conversationId, [...those.keys()])
    },
    stopped,
    reset: () => {
      for (const [conversationId, those] of [...typists]) {
        for (const userId of [...those.keys()]) stopped(conversationId, userId)
      }
    },
  }
}
