import type { Environment } from './environment.ts'

/** The server's clock, as far as its frames have told it; before the first one, this machine's. */
export interface ServerTime {
  /** Milliseconds since 1970. */
  now(): number
  /** The server has just said what time it is. */
  observe(time: string): void
}

export const createServerTime = ({ now }: Pick<Environment, 'now'>): ServerTime => {
  let ahead = 0
  return {
    now: () => now() + ahead,
    observe: time => {
      ahead = Date.parse(time) - now()
    },
  }
}
