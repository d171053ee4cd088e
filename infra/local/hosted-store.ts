import type { Store } from './stores/store.ts'

/** A store of the running stack. Tests stop it, kill it and start it again: clients find it where it was, with what it kept. */
export interface HostedStore {
  readonly url: string
  readonly title: string
  stop(): Promise<void>
  kill(): Promise<void>
  /** Does nothing while it runs. */
  start(): Promise<void>
}

/** `lost` hears of an end that nobody asked for. */
export const hostStore = async (
  start: (port?: number) => Promise<Store>,
  lost: (title: string, how: string) => void,
): Promise<HostedStore> => {
  let running: Store | undefined
  const run = async (port?: number): Promise<Store> => {
    const store = await start(port)
    running = store
    store.ended.then(how => {
      if (running === store) lost(store.title, how)
    })
    return store
  }
  const { url, title, port } = await run()
  const end = async (how: 'stop' | 'kill'): Promise<void> => {
    const store = running
    running = undefined
    await store?.[how]()
  }
  return {
    url,
    title,
    stop: () => end('stop'),
    kill: () => end('kill'),
    start: async () => {
      if (!running) await run(port)
    },
  }
}
