import { styleText } from 'node:util'

export type State = 'passed' | 'failed' | 'found' | 'not applicable'

export interface Row {
  readonly state: State
  readonly title: string
  readonly note: string
}

/** Says that a check makes no sense on this stack, and why. */
export class NotApplicable extends Error {}

/** Ends a story: what follows needs what has failed, and it is told already. */
export class StoryEnded extends Error {}

/** What a story tells. */
export interface Teller {
  /**
   * Something that must be so: what `work` throws says how it is not. It may tell a figure besides. Throws `StoryEnded` when it is not, or
   * makes no sense here.
   */
  check<Result>(title: string, work: (tell: (note: string) => void) => Promise<Result>): Promise<Result>
  /** A question that AWS's documentation leaves open; `work` finds the answer, and none is wrong. */
  find(title: string, work: () => Promise<string>): Promise<void>
  skip(title: string, why: string): void
}

const messageOf = (error: unknown): string => {
  const { message, cause } = error as Error
  return (cause instanceof Error ? `${message}: ${cause.message || cause.name}` : message).replaceAll(/\s+/g, ' ')
}

/** Collects the rows of one story, in the order in which they are told. */
export const collect = (rows: Row[]): Teller => ({
  check: async (title, work) => {
    let note = ''
    try {
      const result = await work(text => {
        note = text
      })
      rows.push({ state: 'passed', title, note })
      return result
    } catch (error) {
      rows.push({ state: error instanceof NotApplicable ? 'not applicable' : 'failed', title, note: messageOf(error) })
      throw new StoryEnded()
    }
  },
  find: async (title, work) => {
    try {
      rows.push({ state: 'found', title, note: await work() })
    } catch (error) {
      rows.push({ state: 'failed', title, note: messageOf(error) })
    }
  },
  skip: (title, why) => void rows.push({ state: 'not applicable', title, note: why }),
})

const colours = { passed: 'green', failed: 'red', found: 'cyan', 'not applicable': 'dim' } as const
const stateWidth = 16

/** A row for each check, and their number by state in the last line. */
export const table = (rows: readonly Row[]): string => {
  const lines = rows.map(
    ({ state, title, note }) => styleText(colours[state], state.padEnd(stateWidth)) + title + (note && ` (${note})`),
  )
  const counts = (Object.keys(colours) as State[]).map(
    state => `${rows.filter(row => row.state === state).length} ${state}`,
  )
  return [...lines, '', counts.join(', ')].join('\n')
}
