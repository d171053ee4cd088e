import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { open, seal } from './aes-gcm.ts'

/** Keeps data keys safe: outside of it they are only ever stored as it wraps them. */
export interface KeyWrapping {
  /** A new data key of 256 bits, wrapped. Rejects with `store_unavailable` when none can be made now. */
  create(): Promise<Uint8Array>
  /**
   * The data key; undefined when this is nothing that was wrapped here. Rejects with `store_unavailable` when that can't be
   * told now.
   */
  unwrap(wrapped: Uint8Array): Promise<KeyObject | undefined>
}

const dataKeyBytes = 32

/** What is wrapped as a data key opens as nothing else. */
const place = 'kaha-chat data key'

/** By a key of this machine. */
export const localWrapping = (masterKey: Uint8Array): KeyWrapping => {
  const key = createSecretKey(masterKey)
  return {
    create: async () => seal(key, place, randomBytes(dataKeyBytes)),
    unwrap: async wrapped => {
      try {
        return createSecretKey(open(key, place, wrapped))
      } catch {
        return undefined
      }
    },
  }
}
