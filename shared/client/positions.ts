import { backOffMs } from './back-off.ts'
import type { Connection } from './connection.ts'
import type { Environment } from './environment.ts'
import { asChatProblem, type ChatProblem } from './problem.ts'

const intervalMs = 1_000
/** In one frame. */
const maxPositions = 100

/** Tells the service of positions, those of all conversations together and at most once a second. */
export interface Positions {
  /** The position in this conversation is here now, or further; also when the service has been told of it before. */
  note(conversationId: string, seq: number): void
  forget(conversationId: string): void
  /** There is a connection, by which to tell what is untold. */
  resume(): void
  /** There is none. */
  suspend(): void
}

export const createPositions = (
  environment: Environment,
  { ask }: Pick<Connection, 'ask'>,
  action: 'message.delivered' | 'message.read',
  failed: (problem: ChatProblem) => void,
): Positions => {
  const untold = new Map<string, number>()
  let isConnected = false
  let isTelling = false
  let failures = 0
  let cancel: (() => void) | undefined

  const add = (conversationId: string, seq: number): void =>
    void untold.set(conversationId, Math.max(seq, untold.get(conversationId) ?? 0))

  const tellLater = (milliseconds = intervalMs): void => {
    if (!isConnected || isTelling || untold.size === 0) return
    cancel ??= environment.after(milliseconds, () => {
      cancel = undefined
      void tell()
    })
  }
  const tell = async (): Promise<void> => {
    if (untold.size === 0) return
    const positions = [...untold].slice(0, maxPositions).map(([conversationId, seq]) => ({ conversationId, seq }))
    for (const { conversationId } of positions) untold.delete(conversationId)
    let waitMs = intervalMs
    isTelling = true
    try {
      await ask(action, { positions })
      failures = 0
    } catch (error) {
      const problem = asChatProblem(error)
      if (problem.isRetryable) {
        failures += 1
        waitMs = backOffMs(environment, failures, problem.retryAfterSeconds)
        for (const { conversationId, seq } of positions) add(conversationId, seq)
      } else if (problem.code !== 'not_found') {
        // There is nothing to tell of conversations that the user has left.
        failed(problem)
      }
    }
    isTelling = false
    tellLater(waitMs)
  }

  return {
    note: (conversationId, seq) => {
      add(conversationId, seq)
      tellLater()
    },
    forget: conversationId => void untold.delete(conversationId),
    resume: () => {
      isConnected = true
      failures = 0
      tellLater()
    },
    suspend: () => {
      isConnected = false
      cancel?.()
      cancel = undefined
    },
  }
}
