import { createSecretKey } from 'node:crypto'
import { DecryptCommand, GenerateDataKeyWithoutPlaintextCommand, KMSClient } from '@aws-sdk/client-kms'
import { Problem } from '../platform/problems.ts'
import { timeLimits } from '../platform/time-limits.ts'
import type { KeyWrapping } from './key-wrapping.ts'

/** It was damaged, or made by another key or for another stage. Whatever else KMS refuses may work later. */
const notOurs = new Set(['InvalidCiphertextException', 'IncorrectKeyException'])

const unavailable = (cause: unknown) =>
  new Problem('store_unavailable', 'The keys of messages are not available. Try again.', {
    retryAfterSeconds: 2,
    cause,
  })

/**
 * By a key of KMS, which never leaves it. Each call is one request. The stage is the encryption context: it is checked when a
 * data key is unwrapped, the permissions of functions ask for it, and CloudTrail shows it.
 */
export const kmsWrapping = ({ keyArn, stage }: { keyArn: string; stage: string }): KeyWrapping => {
  const client = new KMSClient({ maxAttempts: 2, requestHandler: timeLimits(1_000, 1_500) })
  const which = { KeyId: keyArn, EncryptionContext: { service: 'kaha-chat', stage } }
  return {
    create: async () => {
      const command = new GenerateDataKeyWithoutPlaintextCommand({ ...which, KeySpec: 'AES_256' })
      const { CiphertextBlob } = await client.send(command).catch(error => {
        throw unavailable(error)
      })
      if (!CiphertextBlob) throw new Error('KMS gave no data key')
      return CiphertextBlob
    },
    unwrap: async wrapped => {
      try {
        const { Plaintext } = await client.send(new DecryptCommand({ ...which, CiphertextBlob: wrapped }))
        return Plaintext && createSecretKey(Plaintext)
      } catch (error) {
        if (notOurs.has((error as Error).name)) return undefined
        throw unavailable(error)
      }
    },
  }
}
