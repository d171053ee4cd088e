import type { Connection } from './connection.ts'
import type { Environment } from './environment.ts'
import type { ServerTime } from './server-time.ts'

/** The service passes typing on once in 3 s, so more often is of no use; a little later, lest it comes too early there. */
const throttleMs = 3_200
/** It ends by itself after this time: what is said to last much longer is a clock that is wrong. */
const longestMs = 10_000
/** Word of the typing that led to a message may come after the message. */
const lateMs = 1_000

export interface Typing {
  /** The user is typing, or has stopped: may be called with each key that is pressed. */
  tell(conversationId: string, isTyping: boolean): void
  /** The user has sent a message, which says as much as that they stopped. */
  sent(conversationId: string): void
  /** Somebody else types until then. */
  started(conversationId: string, userId: string, expiresAt: string): void
  stopped(conversationId: string, userId: string): void
  /** Somebody else has sent a message, so they have stopped. */
  wrote(conversationId: string, userId: string): void
  /** Nothing is known of anybody. */
  reset(): void
}

export const createTyping = (
  { after }: Pick<Environment, 'after'>,
  connection: Pick<Connection, 'tell'>,
  serverTime: ServerTime,
  changed: (conversationId: string, userIds: string[]) => void,
): Typing => {
  /** Where the service has been told within the last seconds. */
  const throttled = new Map<string, { isSeen: boolean; isWanted: boolean }>()
  const typists = new Map<string, Map<string, () => void>>()
  /** Who has just sent a message. */
  const writers = new Set<string>()

  const start = (conversationId: string): void => {
    const state = { isSeen: true, isWanted: false }
    throttled.set(conversationId, state)
    connection.tell('typing.start', { conversationId })
    after(throttleMs, () => {
      throttled.delete(conversationId)
      if (state.isWanted) start(conversationId)
    })
  }

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
      const state = throttled.get(conversationId)
      if (!state) {
        if (isTyping) start(conversationId)
        return
      }
      // Of those who have stopped and begin again nothing is passed on before the time is up.
      state.isWanted = isTyping && !state.isSeen
      if (isTyping || !state.isSeen) return
      state.isSeen = false
      connection.tell('typing.stop', { conversationId })
    },
    sent: conversationId => {
      const state = throttled.get(conversationId)
      if (state) Object.assign(state, { isSeen: false, isWanted: false })
    },
    started: (conversationId, userId, expiresAt) => {
      if (writers.has(`${conversationId} ${userId}`)) return
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
    wrote: (conversationId, userId) => {
      stopped(conversationId, userId)
      const writer = `${conversationId} ${userId}`
      if (writers.has(writer)) return
      writers.add(writer)
      after(lateMs, () => writers.delete(writer))
    },
    reset: () => {
      for (const [conversationId, those] of [...typists]) {
        for (const userId of [...those.keys()]) stopped(conversationId, userId)
      }
    },
  }
}
