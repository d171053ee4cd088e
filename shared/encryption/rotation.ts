import type { Kysely } from 'kysely'
import * as z from 'zod'
import type { Database } from '../database/schema.ts'
import { readConfig } from '../platform/config.ts'
import { wholeNumber } from '../platform/whole-number.ts'
import { findActiveKey, replaceActiveKey } from './content-keys.repository.ts'
import { activeForMs } from './content-keys.ts'
import type { KeyWrapping } from './key-wrapping.ts'

const dayMs = 24 * 60 * 60 * 1000

export const RotationConfig = z.object({
  CONTENT_KEY_DAYS: wholeNumber(z.int().min(1).max(365)).default(30),
})

/** For so many days messages are encrypted with one key. */
export const keyDaysFromEnvironment = (): number => readConfig(RotationConfig).CONTENT_KEY_DAYS

/** When a key has been retired for this long, whatever still was to be encrypted with it has been, many times over. */
export const settledAfterMs = 12 * activeForMs

interface RotationDeps {
  db: Kysely<Database>
  wrapping: KeyWrapping
}

/**
 * Makes the first key where there is none. Of several calls at once one makes it; repeating it changes nothing. Throws when there
 * is one that this wrapping does not open, so that a start with another master key fails, and not the first message.
 */
export const makeFirstKey = async ({ db, wrapping }: RotationDeps, now: Date): Promise<void> => {
  const active = await findActiveKey(db)
  if (active && (await wrapping.unwrap(active.wrapped))) return
  if (active) throw new Error('The keys of the messages in this database were wrapped by another master key')
  await replaceActiveKey(db, { known: undefined, wrapped: await wrapping.create(), now })
}

/**
 * Gives the active key a successor when it is so many days old, or when `force` says so, and retires it; atomic. Returns both
 * ids, as they go on record, or undefined when nothing was due, or another call at the same time has done it.
 */
export const rotateKey = async (
  { db, wrapping }: RotationDeps,
  { now, keyDays, force }: { now: Date; keyDays: number; force: boolean },
): Promise<{ contentKeyId: string; retiredContentKeyId: string } | undefined> => {
  const known = await findActiveKey(db)
  if (!known) throw new Error('There is no content key: the migration makes the first')
  const isDue = force || now.getTime() - known.created_at.getTime() >= keyDays * dayMs
  if (!isDue) return undefined
  const active = await replaceActiveKey(db, { known: known.id, wrapped: await wrapping.create(), now })
  return active === undefined ? undefined : { contentKeyId: String(active), retiredContentKeyId: String(known.id) }
}
