import type { Push, PushOutcome } from '../../shared/delivery/push.ts'
import type { ProblemDocument } from '../../shared/platform/problem.schema.ts'
import { checkEvent } from './documented.ts'

export interface SentFrame {
  connectionId: string
  event: string
  data: Record<string, unknown>
  /** Of an answer that is pushed. */
  requestId?: string
  error?: ProblemDocument
}

/** Stands for the gateway's `@connections`: remembers what was pushed, and answers as the test wants. */
export interface RecordingPush extends Push {
  readonly frames: SentFrame[]
  readonly closed: string[]
  /** What is wrong with frames that are not as the API documents say. */
  readonly undocumented: unknown[]
  /** What pushes to this connection are answered from now on. */
  answer(connectionId: string, outcome: PushOutcome): void
  /** The data of the events that went to this connection, oldest first. */
  eventsOf(connectionId: string, event: string): Record<string, unknown>[]
}

export const recordingPush = (): RecordingPush => {
  const frames: SentFrame[] = []
  const closed: string[] = []
  const undocumented: unknown[] = []
  const outcomes = new Map<string, PushOutcome>()
  return {
    frames,
    closed,
    undocumented,
    answer: (connectionId, outcome) => outcomes.set(connectionId, outcome),
    eventsOf: (connectionId, event) =>
      frames.filter(frame => frame.connectionId === connectionId && frame.event === event).map(frame => frame.data),
    send: async (connectionId, text) => {
      const frame = JSON.parse(text) as { event: string; data?: Record<string, unknown> }
      try {
        checkEvent(frame)
      } catch (error) {
        undocumented.push(error)
      }
      frames.push({ connectionId, data: {}, ...frame })
      return outcomes.get(connectionId) ?? 'sent'
    },
    close: async connectionId => {
      closed.push(connectionId)
      return 'sent'
    },
  }
}
