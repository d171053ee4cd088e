import { type RawBuilder, type SqlBool, sql } from 'kysely'

/** `column = any(ids)`: one parameter however many ids there are, so that it stays one prepared statement. */
export const isOneOf = (column: string, ids: readonly string[]): RawBuilder<SqlBool> =>
  sql<SqlBool>`${sql.ref(column)} = any(${ids}::uuid[])`
