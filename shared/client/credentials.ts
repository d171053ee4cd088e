/**
 * Where tokens come from: called when the first one is needed, and again, with `true`, after the service has refused the last
 * one. What it throws is told by the event `problem`, and it is asked again later.
 */
export type TokenProvider = (wasRefused: boolean) => string | Promise<string>

export interface Credentials {
  /** The token to use; the same until it is refused. Rejects with what the provider throws. */
  token(): Promise<string>
  /** This token was refused: the provider is asked for another one when one is needed. */
  refuse(token: string): void
}

export const createCredentials = (provide: TokenProvider): Credentials => {
  let current: Promise<string> | undefined
  let known: string | undefined
  let wasRefused = false
  const ask = async (): Promise<string> => {
    known = await provide(wasRefused)
    wasRefused = false
    return known
  }
  return {
    token: () => {
      current ??= ask().catch(error => {
        current = undefined
        throw error
      })
      return current
    },
    refuse: token => {
      if (token !== known) return
      wasRefused = true
      known = undefined
      current = undefined
    },
  }
}
