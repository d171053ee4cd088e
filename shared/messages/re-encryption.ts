import { inBatches } from '../database/in-batches.ts'
import { findActiveKey, findRetiredKeys } from '../encryption/content-keys.repository.ts'
import type { ContentKey } from '../encryption/content-keys.ts'
import { settledAfterMs } from '../encryption/rotation.ts'
import { logger } from '../platform/logger.ts'
import { measure } from '../platform/metrics.ts'
import { type MessageStore, resealBody, sealBody } from './message-body.ts'
import { lockPlain, lockWalk, nextOfWalk, noteWalk, removeKey, replaceBodies } from './re-encryption.repository.ts'

export interface ReEncryptionReport {
  /** Messages that were stored in plain. */
  encrypted: number
  /** Messages that a retired key had encrypted. */
  moved: number
  /** Ids of retired keys that no message needed any more. */
  destroyed: number[]
  /** Messages that a retired key should open, and does not. They keep it from being destroyed. */
  unreadable: number
  /** False when something is left for the next run, or another one is at it. */
  finished: boolean
}

/** One transaction: some 20 ms. */
const batchSize = 500

const encryptPlain = ({ db }: MessageStore, active: ContentKey, hasTime: () => boolean) =>
  inBatches(hasTime, () =>
    db.transaction().execute(async trx => {
      const rows = await lockPlain(trx, batchSize)
      const sealed = rows.map(row => ({ id: row.id, body: sealBody(active.key, row, row) }))
      await replaceBodies(trx, { from: null, to: active.id, sealed })
      return { rows: rows.length, isLast: rows.length < batchSize }
    }),
  )

type WalkEnd = 'destroyed' | 'found some' | 'taken'

/**
 * Walks once through all messages in the order of their ids and moves those of a retired key to the active one. Where it stands
 * is kept with each batch, so a walk that was broken off goes on there. Only a walk that finds nothing destroys the key: so
 * each of its messages has been looked for again after it was moved.
 */
const walk = async (
  { db }: MessageStore,
  retired: ContentKey,
  active: ContentKey,
  hasTime: () => boolean,
  report: ReEncryptionReport,
): Promise<WalkEnd | undefined> => {
  let end: WalkEnd | undefined
  await inBatches(hasTime, () =>
    db.transaction().execute(async trx => {
      const standing = await lockWalk(trx, retired.id)
      if (!standing) {
        end = 'taken'
        return { rows: 0, isLast: true }
      }
      const rows = await nextOfWalk(trx, { keyId: retired.id, after: standing.walk_at, limit: batchSize })
      const bodies = rows.flatMap(({ body, ...place }) => (body ? [{ ...place, body }] : []))
      const sealed = bodies.flatMap(({ body, ...place }) => {
        try {
          return [{ id: place.id, body: resealBody(retired.key, active, place, body) }]
        } catch {
          return []
        }
      })
      report.moved += await replaceBodies(trx, { from: retired.id, to: active.id, sealed })
      report.unreadable += bodies.length - sealed.length
      const found = standing.walk_found + bodies.length
      const isLast = rows.length < batchSize
      if (!isLast) await noteWalk(trx, retired.id, { at: rows.at(-1)?.id ?? null, found })
      else if (found > 0) await noteWalk(trx, retired.id, { at: null, found: 0 })
      else await removeKey(trx, retired.id)
      if (isLast) end = found > 0 ? 'found some' : 'destroyed'
      return { rows: rows.length, isLast }
    }),
  )
  return end
}

/**
 * Encrypts with the active key what is stored in plain, from before messages were encrypted, and what retired keys have encrypted;
 * a key that no message needs any more is destroyed. It begins with a retired key only when nobody encrypts with it any more.
 * Work is done in small transactions that stay done: a run that ends early is gone on with by the next. Of two runs at the same
 * time one does nothing. Readers and sends go on meanwhile; for clients nothing changes. Rejects when keys can't be had.
 */
export const reEncrypt = async (
  store: MessageStore,
  { now, hasTime }: { now: Date; hasTime: () => boolean },
): Promise<ReEncryptionReport> => {
  const { db, contentKeys } = store
  const active = await findActiveKey(db)
  if (!active) throw new Error('There is no active content key')
  const retired = await findRetiredKeys(db, new Date(now.getTime() - settledAfterMs))
  const keys = await contentKeys.find(
    db,
    [active, ...retired].map(({ id }) => id),
  )
  const activeKey = keys.get(active.id)
  if (!activeKey) throw new Error(`The active content key ${active.id} was wrapped by another master key`)
  const to: ContentKey = { id: active.id, key: activeKey }

  const plain = await encryptPlain(store, to, hasTime)
  const report: ReEncryptionReport = {
    encrypted: plain.rows,
    moved: 0,
    destroyed: [],
    unreadable: 0,
    finished: plain.finished,
  }
  for (const { id } of retired) {
    const key = keys.get(id)
    if (!key) {
      logger.error('A retired content key can not be unwrapped: its messages stay as they are', { keyId: id })
      continue
    }
    let end: WalkEnd | undefined
    do end = await walk(store, { id, key }, to, hasTime, report)
    while (end === 'found some' && report.unreadable === 0)
    if (end === 'destroyed') report.destroyed.push(id)
    else report.finished = false
  }
  if (report.unreadable > 0) {
    logger.error('Messages can not be decrypted', { unreadable: report.unreadable })
    measure('UnreadableMessages', report.unreadable)
  }
  return report
}
