import { type RawBuilder, sql } from 'kysely'

/** The transaction that runs now: every update of a row that clients synchronize says so in `changed_xid`. */
export const currentTransaction = (): RawBuilder<string> => sql<string>`pg_current_xact_id()`
