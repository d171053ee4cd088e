import { type Kysely, sql } from 'kysely'

/** Finds what was deleted long enough ago to be purged. Sends do not touch it: it holds deleted messages only. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create index messages_by_deletion on messages (deleted_at) where deleted_at is not null`.execute(db)
}
