/** After the tests: ends the stack that their set-up started. */
const tearDown = async (): Promise<void> => {
  const stop = globalThis.stopTestStack
  globalThis.stopTestStack = undefined
  await stop?.()
}

export default tearDown
