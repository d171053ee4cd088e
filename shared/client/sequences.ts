import type { Environment } from './environment.ts'
import { createSequence, type Sequence } from './sequence.ts'
import type { Message } from './service.ts'

/** What overtook another message on the way is followed by it within moments; a gap that stays open for longer is asked for. */
const defaultGapSeconds = 2

export interface Behind {
  id: string
  afterSeq: number
}

/** The messages of all conversations, each conversation in its own order. */
export interface Sequences {
  /** Takes messages of one conversation, from wherever they come. */
  take(conversationId: string, messages: readonly Message[]): void
  /** Begins with a conversation behind `start`, unless it has begun; there are messages up to `lastSeq`. */
  begin(conversationId: string, start: number, lastSeq: number): void
  of(conversationId: string): Sequence | undefined
  /** Forgets a conversation with everything that is waiting in it. */
  end(conversationId: string): void
  /** The conversations in which something is missing, and from where on. */
  behind(): Behind[]
  /** All of them, each with its position. */
  positions(): Behind[]
  setGap(seconds: number): void
  /** There is a connection, by which gaps can be filled. */
  resume(): void
  /** There is none: nobody waits for gaps. */
  suspend(): void
}

export interface SequencesListener {
  /** A message has its turn. */
  give(message: Message): void
  /** Messages came of a conversation with which we have not begun. */
  unknown(conversationId: string): void
  /** Something is missing, and has been for a while. */
  gap(): void
}

export const createSequences = ({ after }: Pick<Environment, 'after'>, listener: SequencesListener): Sequences => {
  const sequences = new Map<string, Sequence>()
  /** Of conversations with which we have not begun. */
  const strangers = new Map<string, Message[]>()
  const watched = new Map<string, () => void>()
  let isConnected = false
  let gapMs = defaultGapSeconds * 1000

  const watch = (conversationId: string): void => {
    const sequence = sequences.get(conversationId)
    if (!isConnected || !sequence?.isBehind || watched.has(conversationId)) return
    const { through } = sequence
    const cancel = after(gapMs, () => {
      watched.delete(conversationId)
      // It has moved: a gap that is open now is another one.
      if (sequence.isBehind && sequence.through === through) listener.gap()
      watch(conversationId)
    })
    watched.set(conversationId, cancel)
  }
  const positionsOf = (of: readonly [string, Sequence][]): Behind[] =>
    of.map(([id, { through }]) => ({ id, afterSeq: through }))

  return {
    take: (conversationId, messages) => {
      if (messages.length === 0) return
      const sequence = sequences.get(conversationId)
      if (sequence) {
        sequence.add(messages)
        watch(conversationId)
      } else {
        strangers.set(conversationId, [...(strangers.get(conversationId) ?? []), ...messages])
        listener.unknown(conversationId)
      }
    },
    begin: (conversationId, start, lastSeq) => {
      const waiting = strangers.get(conversationId) ?? []
      strangers.delete(conversationId)
      // What came to us was meant for us, even if another device of this user has acknowledged it meanwhile.
      const first = Math.min(start, ...waiting.map(({ seq }) => seq - 1))
      const sequence = sequences.get(conversationId) ?? createSequence(first, listener.give)
      sequences.set(conversationId, sequence)
      sequence.expect(lastSeq)
      sequence.add(waiting)
      watch(conversationId)
    },
    of: conversationId => sequences.get(conversationId),
    end: conversationId => {
      sequences.delete(conversationId)
      strangers.delete(conversationId)
      watched.get(conversationId)?.()
      watched.delete(conversationId)
    },
    behind: () => positionsOf([...sequences].filter(([, { isBehind }]) => isBehind)),
    positions: () => positionsOf([...sequences]),
    setGap: seconds => {
      gapMs = seconds * 1000
    },
    resume: () => {
      isConnected = true
      for (const conversationId of sequences.keys()) watch(conversationId)
    },
    suspend: () => {
      isConnected = false
      for (const cancel of watched.values()) cancel()
      watched.clear()
    },
  }
}
