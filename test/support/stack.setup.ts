import { announceStack, startStack, stopWithoutLeaks } from './stack.ts'
import { announceKeys, startTokenIssuer } from './token-issuer.ts'

declare global {
  /** Ends the stack of this test run; made by the global set-up. */
  var stopTestStack: (() => Promise<void>) | undefined
}

/**
 * Before the end-to-end tests and those in a browser: one stack for all of them, found by `testStack`; it also takes tokens that
 * `issuerKeys` signed. It ends with the run, also when it is aborted.
 */
const setUp = async (): Promise<void> => {
  if (globalThis.stopTestStack) return
  const issuer = await startTokenIssuer()
  const stack = await startStack({ JWT_JWKS_URL: issuer.jwksUrl }).catch(error => {
    issuer.stop()
    throw error
  })
  globalThis.stopTestStack = () => stopWithoutLeaks(stack).finally(issuer.stop)
  announceStack(stack)
  announceKeys(issuer.keys)
  process.stderr.write(`The stack for the end-to-end tests is up at ${stack.outputs.HttpApiUrl}\n`)
}

export default setUp
