import type { KeyObject } from 'node:crypto'
import type { Kysely, Selectable } from 'kysely'
import type { Database, MessagesTable } from '../database/schema.ts'
import { open, seal } from '../encryption/aes-gcm.ts'
import type { ContentKey, ContentKeys } from '../encryption/content-keys.ts'
import { logger } from '../platform/logger.ts'
import { measure } from '../platform/metrics.ts'

/** Where messages are, and what opens them. */
export interface MessageStore {
  db: Kysely<Database>
  contentKeys: ContentKeys
}

/** What a client wrote. */
export interface MessageBody {
  content: string
  metadata: Record<string, unknown> | null
}

/** A body goes with its message and no other. */
export interface Place {
  id: string
  conversation_id: string
}

const placeOf = ({ id, conversation_id }: Place): string => `${conversation_id}/${id}`

/** As it is stored. */
export const sealBody = (key: KeyObject, place: Place, { content, metadata }: MessageBody): Buffer =>
  seal(key, placeOf(place), Buffer.from(JSON.stringify([content, metadata])))

/** Throws when it was sealed by another key or for another message, or is damaged. */
export const openBody = (key: KeyObject, place: Place, sealed: Buffer): MessageBody => {
  const [content, metadata] = JSON.parse(open(key, placeOf(place), sealed).toString())
  return { content, metadata }
}

/** The same under another key. Throws like `openBody`. */
export const resealBody = (from: KeyObject, to: ContentKey, place: Place, sealed: Buffer): Buffer =>
  seal(to.key, placeOf(place), open(from, placeOf(place), sealed))

export type SealedRow = Selectable<Omit<MessagesTable, 'changed_xid'>>
export type Opened<Row extends SealedRow> = Omit<Row, 'key_id' | 'body'>

const openRow = <Row extends SealedRow>(keys: ReadonlyMap<number, KeyObject>, sealed: Row): Opened<Row> | undefined => {
  const { key_id, body, ...row } = sealed
  // Deleted, or from before messages were encrypted: then its content is where it was.
  if (key_id === null || body === null) return row
  const key = keys.get(key_id)
  try {
    return key && { ...row, ...openBody(key, row, body) }
  } catch {
    return undefined
  }
}

/** The keys that there are of those that these messages are sealed with. Costs and throws what `ContentKeys.find` does. */
export const keysOf = (
  { db, contentKeys }: MessageStore,
  rows: readonly Pick<SealedRow, 'key_id'>[],
): Promise<ReadonlyMap<number, KeyObject>> =>
  contentKeys.find(
    db,
    rows.flatMap(({ key_id }) => key_id ?? []),
  )

/**
 * Whether there is a key for a message that was kept outside of Postgres: re-encryption may have given it another one since, and
 * have destroyed its own.
 */
export const hasKey = ({ key_id }: Pick<SealedRow, 'key_id'>, keys: ReadonlyMap<number, KeyObject>): boolean =>
  key_id === null || keys.has(key_id)

/**
 * Messages as they were written. One that can't be opened, because its key is gone or it was tampered with, comes without content
 * and metadata, which a deleted one does as well, but with no time of deletion; the rest of a page is not held up by it, it is
 * counted, and the log says which one it is. Rejects with `store_unavailable` when keys can't be had now: that is no reason to
 * take anything for unreadable.
 */
export const openRows = async <Row extends SealedRow>(
  store: MessageStore,
  rows: readonly Row[],
): Promise<Opened<Row>[]> => {
  const keys = await keysOf(store, rows)
  const unreadable: { messageId: string; keyId: number | null }[] = []
  const opened = rows.map(sealed => {
    const row = openRow(keys, sealed)
    if (row) return row
    const { key_id: keyId, body: _, ...rest } = sealed
    unreadable.push({ messageId: sealed.id, keyId })
    return { ...rest, content: null, metadata: null }
  })
  if (unreadable.length > 0) {
    logger.error('Messages can not be decrypted', { unreadable })
    measure('UnreadableMessages', unreadable.length)
  }
  return opened
}
