import type { Addresses } from './outputs.ts'
import type { Teller } from './report.ts'
import type { TokenSource, User } from './tokens.ts'

/** The stack that is looked at, and who looks. */
export interface Target extends Addresses {
  readonly alice: User
  readonly bob: User
  readonly sign: TokenSource['sign']
  /** There is time for what takes minutes. */
  readonly slow: boolean
}

/** Checks that follow from one another. The first that fails ends it. */
export type Story = (target: Target, tell: Teller) => Promise<void>
