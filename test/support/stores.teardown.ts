/** After the integration tests: ends what their set-up started. */
const tearDown = async (): Promise<void> => {
  await globalThis.stopTestStores?.()
}

export default tearDown
