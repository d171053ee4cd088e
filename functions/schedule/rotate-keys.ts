import * as z from 'zod'
import { type Audit, auditFromEnvironment } from '../../shared/audit/audit.ts'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { contentKeysFromEnvironment, keyWrappingFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import type { KeyWrapping } from '../../shared/encryption/key-wrapping.ts'
import { keyDaysFromEnvironment, rotateKey } from '../../shared/encryption/rotation.ts'
import type { MessageStore } from '../../shared/messages/message-body.ts'
import { reEncrypt } from '../../shared/messages/re-encryption.ts'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { schedule } from '../../shared/transport/schedule.ts'

/** With `force` the active key gets a successor however young it is. */
const Input = z.strictObject({ force: z.boolean().default(false) })

/** More than the longest statement takes (`statement_timeout`), so that the run ends by itself and says how far it came. */
const endBeforeTimeoutMs = 10_000

export interface RotateKeysDeps extends MessageStore {
  wrapping: KeyWrapping
  keyDays: number
  audit: Audit
  clock: Clock
}

export const createHandler = (deps: RotateKeysDeps) =>
  schedule('Rotation of content keys', Input, async ({ force }, { timeLeftMs }) => {
    const now = deps.clock.now()
    const rotated = await rotateKey(deps, { now, keyDays: deps.keyDays, force })
    if (rotated) await deps.audit.record({ action: 'key.rotated', target: rotated })
    const done = await reEncrypt(deps, { now, hasTime: () => timeLeftMs() > endBeforeTimeoutMs })
    for (const keyId of done.destroyed) {
      await deps.audit.record({ action: 'key.destroyed', target: { contentKeyId: String(keyId) } })
    }
    return { rotated: rotated?.contentKeyId ?? null, ...done }
  })

export const handler = createHandler(
  runtime({
    db: databaseFromEnvironment,
    contentKeys: contentKeysFromEnvironment,
    wrapping: keyWrappingFromEnvironment,
    keyDays: keyDaysFromEnvironment,
    audit: auditFromEnvironment,
    clock: () => systemClock,
  }),
)
