import { type Kysely, type Selectable, sql } from 'kysely'
import type { ContentKeysTable, Database } from '../database/schema.ts'

export type ContentKeyRow = Selectable<ContentKeysTable>

/** The one key that new messages are encrypted with. Undefined before the first. */
export const findActiveKey = (db: Kysely<Database>): Promise<ContentKeyRow | undefined> =>
  db.selectFrom('content_keys').selectAll().where('retired_at', 'is', null).executeTakeFirst()

export const findKeys = (db: Kysely<Database>, ids: readonly number[]): Promise<ContentKeyRow[]> =>
  db.selectFrom('content_keys').selectAll().where(sql<boolean>`id = any(${ids}::int[])`).execute()

/** Those that nobody encrypts with any more, oldest first. */
export const findRetiredKeys = (db: Kysely<Database>, retiredUpTo: Date): Promise<ContentKeyRow[]> =>
  db.selectFrom('content_keys').selectAll().where('retired_at', '<=', retiredUpTo).orderBy('id').execute()

/**
 * Makes a key the active one in the place of that which the caller knows as active. Undefined, and nothing is changed, when
 * that has another successor already: of several calls at once one makes the next key.
 */
export const replaceActiveKey = (
  db: Kysely<Database>,
  { known, wrapped, now }: { known: number | undefined; wrapped: Uint8Array; now: Date },
): Promise<number | undefined> =>
  db.transaction().execute(async trx => {
    // A row lock would not do: who has waited for it sees the retired key, and not the one that came after it.
    await sql`select pg_advisory_xact_lock(hashtext('content keys of kaha-chat'))`.execute(trx)
    const active = await findActiveKey(trx)
    if (active?.id !== known) return undefined
    await trx.updateTable('content_keys').set({ retired_at: now }).where('retired_at', 'is', null).execute()
    const { id } = await trx
      .insertInto('content_keys')
      .values({ wrapped: Buffer.from(wrapped), created_at: now })
      .returning('id')
      .executeTakeFirstOrThrow()
    return id
  })
