import type { KeyObject } from 'node:crypto'
import type { Kysely } from 'kysely'
import QuickLRU from 'quick-lru'
import type { Database } from '../database/schema.ts'
import type { Clock } from '../platform/clock.ts'
import { findActiveKey, findKeys } from './content-keys.repository.ts'
import type { KeyWrapping } from './key-wrapping.ts'

export interface ContentKey {
  id: number
  key: KeyObject
}

/**
 * The keys of messages, unwrapped once for each environment. What is not known yet, or for too long, costs a statement, and a
 * request to the wrapping for each key: so never ask within a transaction. Rejects with `store_unavailable` while the keys can't be
 * had.
 */
export interface ContentKeys {
  /** What new messages are encrypted with. A new one is found within `activeForMs`. */
  active(db: Kysely<Database>): Promise<ContentKey>
  /** Those of these keys that there are and that can be unwrapped. */
  find(db: Kysely<Database>, ids: Iterable<number>): Promise<ReadonlyMap<number, KeyObject>>
}

/** Nobody encrypts with a key for longer than this after it has been retired, and the rest of a request. */
export const activeForMs = 5 * 60_000
/** Unwrapped keys are forgotten after this, so that taking away the right to unwrap them shows. */
const unwrappedForMs = 60 * 60_000
/** A key lives for the month in which it is active and the hours in which its messages get another: there are two or three. */
const maxUnwrapped = 32

interface Remembered<Value> {
  value: Promise<Value>
  until: number
}

export const createContentKeys = ({ wrapping, clock }: { wrapping: KeyWrapping; clock: Clock }): ContentKeys => {
  const unwrapped = new QuickLRU<number, Remembered<KeyObject | undefined>>({ maxSize: maxUnwrapped })
  let active: Remembered<ContentKey> | undefined

  const knownAt = (now: number, id: number): Remembered<KeyObject | undefined> | undefined => {
    const known = unwrapped.get(id)
    return known && now < known.until ? known : undefined
  }

  /** Callers at the same time share one unwrapping. What fails or finds nothing is not remembered. */
  const keyOf = (
    now: number,
    id: number,
    load: () => Promise<Uint8Array | undefined>,
  ): Promise<KeyObject | undefined> => {
    const known = knownAt(now, id)
    if (known) return known.value
    const value = load().then(wrapped => wrapped && wrapping.unwrap(wrapped))
    const remembered = { value, until: now + unwrappedForMs }
    unwrapped.set(id, remembered)
    const forget = () => {
      if (unwrapped.peek(id) === remembered) unwrapped.delete(id)
    }
    value.then(key => key ?? forget(), forget)
    return value
  }

  const loadActive = async (db: Kysely<Database>, now: number): Promise<ContentKey> => {
    const row = await findActiveKey(db)
    if (!row) throw new Error('There is no key to encrypt messages with: the migration makes the first')
    const key = await keyOf(now, row.id, async () => row.wrapped)
    if (!key) throw new Error(`The active content key ${row.id} was wrapped by another master key`)
    return { id: row.id, key }
  }

  return {
    active: async db => {
      const now = clock.now().getTime()
      if (active && now < active.until) return active.value
      const remembered = { value: loadActive(db, now), until: now + activeForMs }
      active = remembered
      remembered.value.catch(() => {
        if (active === remembered) active = undefined
      })
      return remembered.value
    },
    find: async (db, ids) => {
      const now = clock.now().getTime()
      const wanted = [...new Set(ids)]
      const unknown = wanted.filter(id => !knownAt(now, id))
      const rows = unknown.length > 0 ? findKeys(db, unknown) : Promise.resolve([])
      const found = await Promise.all(
        wanted.map(async id => {
          const key = await keyOf(now, id, async () => (await rows).find(row => row.id === id)?.wrapped)
          return { id, key }
        }),
      )
      return new Map(found.flatMap(({ id, key }) => (key ? [[id, key] as const] : [])))
    },
  }
}
