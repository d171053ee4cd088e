import * as z from 'zod'
import { systemClock } from '../platform/clock.ts'
import { readConfig } from '../platform/config.ts'
import { type ContentKeys, createContentKeys } from './content-keys.ts'
import { type KeyWrapping, localWrapping } from './key-wrapping.ts'
import { kmsWrapping } from './kms-wrapping.ts'

/** On AWS a key of KMS, on one machine a key in a file. */
export const EncryptionConfig = z
  .object({
    STAGE: z.string(),
    CONTENT_KMS_KEY_ARN: z.string().startsWith('arn:').optional(),
    CONTENT_MASTER_KEY: z.base64url().length(43, { error: '32 bytes as base64url' }).optional(),
  })
  .refine(config => (config.CONTENT_KMS_KEY_ARN === undefined) !== (config.CONTENT_MASTER_KEY === undefined), {
    path: ['CONTENT_KMS_KEY_ARN'],
    error: 'either this or CONTENT_MASTER_KEY',
  })

export const keyWrappingFromEnvironment = (): KeyWrapping => {
  const { STAGE: stage, CONTENT_KMS_KEY_ARN: keyArn, CONTENT_MASTER_KEY: masterKey = '' } = readConfig(EncryptionConfig)
  return keyArn ? kmsWrapping({ keyArn, stage }) : localWrapping(Buffer.from(masterKey, 'base64url'))
}

export const contentKeysFromEnvironment = (): ContentKeys =>
  createContentKeys({ wrapping: keyWrappingFromEnvironment(), clock: systemClock })
