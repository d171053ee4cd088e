import { announceStack, startStack } from './stack.ts'

declare global {
  /** Ends the stack of this test run; made by the global set-up. */
  var stopTestStack: (() => Promise<void>) | undefined
}

/**
 * Before the end-to-end tests and those in a browser: one stack for all of them, found by `testStack`. It ends with the run, also
 * when it is aborted.
 */
const setUp = async (): Promise<void> => {
  if (globalThis.stopTestStack) return
  const stack = await startStack()
  globalThis.stopTestStack = stack.stop
  announceStack(stack)
  process.stderr.write(`The stack for the end-to-end tests is up at ${stack.outputs.HttpApiUrl}\n`)
}

export default setUp
