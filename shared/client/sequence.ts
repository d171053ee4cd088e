import type { Message } from './service.ts'

/** The messages of one conversation in the order of `seq`, each once, whatever the order and however often they come. */
export interface Sequence {
  /** Everything up to here was given on. */
  readonly through: number
  /** Behind `through` there is something that was not given on. */
  readonly isBehind: boolean
  /** Takes messages, and gives on those whose turn it is. */
  add(messages: readonly Message[]): void
  /** There is a message with this `seq`. */
  expect(seq: number): void
  /** Whatever there is up to here has been taken: gives it on, gaps are nobody's. */
  settle(seq: number): void
  /** A message was deleted: if its turn is still to come, it is given on without its content. */
  erase(seq: number, deletedAt: string): void
}

/** @param start What comes behind this position is given on. */
export const createSequence = (start: number, give: (message: Message) => void): Sequence => {
  const waiting = new Map<number, Message>()
  const erased = new Map<number, string>()
  let through = start
  let newest = start
  const giveNext = (message: Message): void => {
    const { seq } = message
    through = seq
    waiting.delete(seq)
    const deletedAt = erased.get(seq)
    erased.delete(seq)
    give(deletedAt === undefined ? message : { ...message, content: null, metadata: null, deletedAt })
  }
  const giveInTurn = (): void => {
    for (let next = waiting.get(through + 1); next; next = waiting.get(through + 1)) giveNext(next)
  }
  return {
    get through() {
      return through
    },
    get isBehind() {
      return through < newest
    },
    add: messages => {
      for (const message of messages) {
        newest = Math.max(newest, message.seq)
        if (message.seq > through && !waiting.has(message.seq)) waiting.set(message.seq, message)
      }
      giveInTurn()
    },
    expect: seq => {
      newest = Math.max(newest, seq)
    },
    settle: seq => {
      const ready = [...waiting.values()].filter(message => message.seq <= seq).sort((a, b) => a.seq - b.seq)
      for (const message of ready) giveNext(message)
      through = Math.max(through, seq)
      newest = Math.max(newest, seq)
      giveInTurn()
    },
    erase: (seq, deletedAt) => {
      if (seq > through) erased.set(seq, deletedAt)
    },
  }
}
