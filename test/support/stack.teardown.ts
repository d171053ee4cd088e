/** After the end-to-end tests: ends the stack that their set-up started. */
const tearDown = async (): Promise<void> => {
  await globalThis.stopTestStack?.()
}

export default tearDown
