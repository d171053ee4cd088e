import { sql, type Transaction } from 'kysely'
import type { Database } from '../database/schema.ts'
import type { Place } from './message-body.ts'

const firstId = '00000000-0000-0000-0000-000000000000'

/** Holds the retired key until the transaction ends, so that one run at a time walks; undefined when another does, or it is gone. */
export const lockWalk = (
  trx: Transaction<Database>,
  keyId: number,
): Promise<{ walk_at: string | null; walk_found: number } | undefined> =>
  trx
    .selectFrom('content_keys')
    .select(['walk_at', 'walk_found'])
    .where('id', '=', keyId)
    .where('retired_at', 'is not', null)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()

/** The next messages in the order of their ids, and the bodies of those that are encrypted with this key. */
export const nextOfWalk = async (
  trx: Transaction<Database>,
  { keyId, after, limit }: { keyId: number; after: string | null; limit: number },
): Promise<(Place & { body: Buffer | null })[]> => {
  const { rows } = await sql<Place & { body: Buffer | null }>`
    select id, conversation_id, case when key_id = ${keyId}::int then body end as body from messages
    where id > ${after ?? firstId}::uuid order by id limit ${limit}`.execute(trx)
  return rows
}

export const noteWalk = async (
  trx: Transaction<Database>,
  keyId: number,
  { at, found }: { at: string | null; found: number },
): Promise<void> => {
  await trx.updateTable('content_keys').set({ walk_at: at, walk_found: found }).where('id', '=', keyId).execute()
}

export const removeKey = async (trx: Transaction<Database>, keyId: number): Promise<void> => {
  await trx.deleteFrom('content_keys').where('id', '=', keyId).execute()
}

/** Messages that are stored as they were written, oldest first; what another run is encrypting is left to it. */
export const lockPlain = async (
  trx: Transaction<Database>,
  limit: number,
): Promise<(Place & { content: string; metadata: Record<string, unknown> | null })[]> => {
  const { rows } = await sql<Place & { content: string; metadata: Record<string, unknown> | null }>`
    select id, conversation_id, content, metadata from messages
    where content is not null order by id limit ${limit} for update skip locked`.execute(trx)
  return rows
}

/**
 * Puts bodies that were sealed with a key in the place of those that another key has sealed (`from`), or of what was stored in
 * plain (null). What was deleted meanwhile stays deleted. `changed_xid` stays: for clients nothing has changed.
 */
export const replaceBodies = async (
  trx: Transaction<Database>,
  { from, to, sealed }: { from: number | null; to: number; sealed: readonly { id: string; body: Buffer }[] },
): Promise<number> => {
  const { numAffectedRows = 0n } = await sql`
    update messages set key_id = ${to}::int, body = sealed.body, content = null, metadata = null
    from unnest(${sealed.map(({ id }) => id)}::uuid[], ${sealed.map(({ body }) => body)}::bytea[]) as sealed (id, body)
    where messages.id = sealed.id and messages.key_id is not distinct from ${from}::int
      and (messages.body is not null or messages.content is not null)`.execute(trx)
  return Number(numAffectedRows)
}
