import type { MessageType } from '../../../shared/database/schema.ts'

/** One conversation, as it is stored and as its members saw it. */
export interface Account {
  readonly stored: readonly { readonly seq: number; readonly type: MessageType; readonly content: string | null }[]
  /** What its senders were told. */
  readonly accepted: readonly { readonly seq: number; readonly content: string }[]
  /** Who is in it now, what they may see (above that `seq`), and what they hold, their own messages included. */
  readonly members: readonly { readonly joinedSeq: number; readonly holds: ReadonlyMap<number, string> }[]
}

/** Nothing but zeros when all is well. */
export interface Differences {
  /** Accepted, but not stored where the sender was told. */
  lost: number
  /** Stored once more than it was sent. */
  doubled: number
  /** Numbers between 1 and the last that no message has. */
  gaps: number
  /** Stored, and a member does not hold it. */
  missing: number
  /** A member holds something else than what is stored there. */
  altered: number
}

export const noDifferences = (): Differences => ({ lost: 0, doubled: 0, gaps: 0, missing: 0, altered: 0 })

/** How often a member, or the store, lacks or has too much of something. */
export const differencesIn = (accounts: Iterable<Account>): Differences => {
  const found = noDifferences()
  for (const { stored, accepted, members } of accounts) {
    const contents = new Map(stored.map(({ seq, content }) => [seq, content]))
    const texts = stored.filter(({ type }) => type === 'text').map(({ content }) => content)
    found.lost += accepted.filter(({ seq, content }) => contents.get(seq) !== content).length
    found.doubled += texts.length - new Set(texts).size
    found.gaps += Math.max(0, ...contents.keys()) - contents.size
    for (const { joinedSeq, holds } of members) {
      found.missing += stored.filter(({ seq }) => seq > joinedSeq && !holds.has(seq)).length
      found.altered += [...holds].filter(([seq, content]) => contents.get(seq) !== content).length
    }
  }
  return found
}
