import { type RawBuilder, type SqlBool, sql } from 'kysely'

/**
 * `column > time`, for messages that are found by their conversation. `is true` changes nothing but the plan: no index by time is
 * asked. A plan for any time takes a third of all messages for younger, and would have Postgres read that index whole, for the few
 * messages of one conversation, the more the more there are of all (docs/decisions/0028).
 */
export const isSentAfter = (column: string, time: Date): RawBuilder<SqlBool> =>
  sql<SqlBool>`(${sql.ref(column)} > ${time}::timestamptz) is true`
