import { backOffMs } from './back-off.ts'
import type { Door } from './door.ts'
import type { Environment } from './environment.ts'
import { asChatProblem, type ChatProblem, unreachable } from './problem.ts'
import { openSession, type Session } from './session.ts'
import type { SocketEvent } from './wire.ts'

export interface ConnectionListener {
  /** A socket is being opened. */
  opening(): void
  opened(): void
  received(event: SocketEvent): void
  /** What goes wrong and nobody asked for. */
  failed(problem: ChatProblem): void
  /** A socket that was open has ended. */
  closed(): void
}

/** A socket that is opened again whenever it ends, with what belongs to one socket. */
export interface Connection extends Pick<Session, 'ask' | 'tell'> {
  /** Opens a socket, and keeps one open. Repeating it does nothing. */
  open(): void
  /** Does not wait for the next attempt any longer. */
  hurry(): void
  /** Ends it, for good or until `open`. */
  close(): void
}

/** Of the time after which to reconnect, so that not all clients do it at the same moment. */
const greatestHasteShare = 0.1

/**
 * Reconnects after every end, whatever its code: with growing pauses until a session is ready, and without one ahead of the
 * gateway's limit of two hours.
 */
export const createConnection = (environment: Environment, door: Door, listener: ConnectionListener): Connection => {
  const { after, random } = environment
  let isWanted = false
  let failures = 0
  let session: Session | undefined
  let cancelRetry: (() => void) | undefined
  let cancelRenewal = () => {}
  /** Tells an attempt that waits for its URL from one that was called off meanwhile. */
  let attempts = 0

  const retry = (seconds?: number): void => {
    failures += 1
    cancelRetry = after(backOffMs(environment, failures, seconds), attempt)
  }

  const received = (event: SocketEvent): void => {
    if (event.event === 'session.ready') {
      failures = 0
      const limitMs = event.data.settings.reconnectAfterSeconds * 1000
      cancelRenewal()
      cancelRenewal = after(limitMs * (1 - random() * greatestHasteShare), () => {
        session?.close()
        hurry()
      })
    }
    listener.received(event)
  }

  const start = (url: string): void => {
    let isOpen = false
    const opened = openSession(environment, url, {
      opened: () => {
        isOpen = true
        listener.opened()
      },
      received,
      failed: problem => {
        if (problem.code !== 'token_expired') return listener.failed(problem)
        door.expired()
        opened.close()
      },
      ended: () => {
        if (session === opened) session = undefined
        cancelRenewal()
        if (isOpen) listener.closed()
        else door.refused()
        if (isWanted) retry()
      },
    })
    session = opened
  }

  const attempt = async (): Promise<void> => {
    cancelRetry = undefined
    attempts += 1
    const number = attempts
    listener.opening()
    try {
      const url = await door.url()
      if (number === attempts && isWanted) start(url)
    } catch (error) {
      if (number !== attempts || !isWanted) return
      const problem = asChatProblem(error)
      listener.failed(problem)
      retry(problem.retryAfterSeconds)
    }
  }

  const hurry = (): void => {
    if (!cancelRetry) return
    cancelRetry()
    void attempt()
  }

  return {
    ask: (action, data) => session?.ask(action, data) ?? Promise.reject(unreachable('There is no connection')),
    tell: (action, data) => session?.tell(action, data),
    open: () => {
      if (isWanted) return
      isWanted = true
      void attempt()
    },
    hurry,
    close: () => {
      isWanted = false
      attempts += 1
      cancelRetry?.()
      cancelRetry = undefined
      session?.close()
    },
  }
}
