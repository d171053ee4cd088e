import type { OutboxStorage, Outgoing } from './outbox.ts'

export interface StoredOutbox {
  /** What an earlier run has left behind. Once only: later calls resolve with nothing. */
  load(): Promise<readonly Outgoing[]>
  /** Keeps these in place of all before. */
  save(messages: readonly Outgoing[]): void
}

/** Keeps the outbox in a storage that may take its time: it is read before it is written, and written once at a time. */
export const storeOutbox = (storage: OutboxStorage | undefined, failed: (error: unknown) => void): StoredOutbox => {
  let newest: readonly Outgoing[] | undefined
  let isLoaded = storage === undefined
  let isSaving = false

  const write = async (): Promise<void> => {
    if (!storage || !isLoaded || isSaving) return
    isSaving = true
    while (newest) {
      const messages = newest
      newest = undefined
      try {
        await storage.save(messages)
      } catch (error) {
        failed(error)
      }
    }
    isSaving = false
  }
  return {
    load: async () => {
      if (!storage || isLoaded) return []
      try {
        return await storage.load()
      } catch (error) {
        failed(error)
        return []
      } finally {
        isLoaded = true
      }
    },
    save: messages => {
      newest = messages
      void write()
    },
  }
}
