import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { type Amount, inBatches } from '../database/in-batches.ts'
import type { Database } from '../database/schema.ts'
import { idTime, lowestIdAt } from '../platform/ids.ts'
import { idRange, type Partition } from './partitions.ts'
import type { PurgedUpTo } from './retention.ts'

/** One statement and transaction: some 20 ms, so that nobody waits for its row locks and a run stops soon after it is told to. */
const batchSize = 1_000
const dayMs = 24 * 60 * 60 * 1000

const pastRetention = (upTo: PurgedUpTo): RawBuilder<SqlBool> => sql`sent_at <= ${upTo.sent}`
const deletedLongAgo = (upTo: PurgedUpTo): RawBuilder<SqlBool> =>
  sql`deleted_at <= ${upTo.deleted} and sent_at > ${upTo.sent}`
/** Past retention is only what has an id before this. It keeps the search from running on into what is younger. */
const idsEnd = (upTo: PurgedUpTo): string => lowestIdAt(new Date(upTo.sent.getTime() + idRange.aheadMs))

/** Up to a batch of those rows, in that order; what another run is deleting is left to it. */
const deleteBatch = async (
  db: Kysely<Database>,
  name: string,
  where: RawBuilder<SqlBool>,
  order: 'id' | 'deleted_at',
): Promise<{ id: string; deleted_at: Date | null }[]> => {
  const table = sql.table(name)
  const { rows } = await sql<{ id: string; deleted_at: Date | null }>`
    delete from ${table} where id = any(array(
      select id from ${table} where ${where} order by ${sql.ref(order)} limit ${sql.lit(batchSize)} for update skip locked
    )) returning id, deleted_at`.execute(db)
  return rows
}

/** Deletes what is past retention, oldest first, each batch a transaction of its own. */
export const deletePast = (
  db: Kysely<Database>,
  { name }: Partition,
  upTo: PurgedUpTo,
  hasTime: () => boolean,
): Promise<Amount> => {
  // Each batch starts where the last one ended, not at the index entries that are dead by then.
  let after = lowestIdAt(new Date(0))
  return inBatches(hasTime, async () => {
    const where = sql<SqlBool>`id > ${after} and id < ${idsEnd(upTo)} and ${pastRetention(upTo)}`
    const rows = await deleteBatch(db, name, where, 'id')
    for (const { id } of rows) if (id > after) after = id
    return { rows: rows.length, isLast: rows.length < batchSize }
  })
}

/** Deletes what was deleted long enough ago, in that order, of what is not past retention; each batch a transaction of its own. */
export const deleteDeleted = (
  db: Kysely<Database>,
  { name }: Partition,
  upTo: PurgedUpTo,
  hasTime: () => boolean,
): Promise<Amount> => {
  let from = new Date(0)
  return inBatches(hasTime, async () => {
    const where = sql<SqlBool>`deleted_at >= ${from} and ${deletedLongAgo(upTo)}`
    const rows = await deleteBatch(db, name, where, 'deleted_at')
    for (const { deleted_at } of rows) if (deleted_at && deleted_at > from) from = deleted_at
    return { rows: rows.length, isLast: rows.length < batchSize }
  })
}

/** Counts, for a large table in as many statements as it has days, so that none meets the server's time-out. */
const countByDay = async (
  db: Kysely<Database>,
  name: string,
  where: RawBuilder<SqlBool>,
  hasTime: () => boolean,
  end?: string,
): Promise<Amount> => {
  const table = sql.table(name)
  const ends = await sql<{ first: string | null; last: string | null }>`
    select (select id from ${table} order by id limit 1) as first,
           (select id from ${table} order by id desc limit 1) as last`.execute(db)
  const { first, last } = ends.rows[0] ?? {}
  let rows = 0
  if (!first || !last) return { rows, finished: true }
  const until = end !== undefined && end < last ? idTime(end) : idTime(last) + 1
  for (let from = idTime(first); from < until; from += dayMs) {
    if (!hasTime()) return { rows, finished: false }
    const to = Math.min(from + dayMs, until)
    const counted = await sql<{ rows: number }>`
      select count(*) as rows from ${table}
      where id >= ${lowestIdAt(new Date(from))} and id < ${lowestIdAt(new Date(to))} and ${where}`.execute(db)
    rows += counted.rows[0]?.rows ?? 0
  }
  return { rows, finished: true }
}

/** Every row of a table that has the columns of `messages`. */
export const countRows = (db: Kysely<Database>, name: string, hasTime: () => boolean): Promise<Amount> =>
  countByDay(db, name, sql`true`, hasTime)

/** What `deletePast` would delete. */
export const countPast = (
  db: Kysely<Database>,
  { name }: Partition,
  upTo: PurgedUpTo,
  hasTime: () => boolean,
): Promise<Amount> => countByDay(db, name, pastRetention(upTo), hasTime, idsEnd(upTo))

/** What `deleteDeleted` would delete. */
export const countDeleted = async (
  db: Kysely<Database>,
  { name }: Partition,
  upTo: PurgedUpTo,
  hasTime: () => boolean,
): Promise<Amount> => {
  if (!hasTime()) return { rows: 0, finished: false }
  const { rows } = await sql<{ rows: number }>`
    select count(*) as rows from ${sql.table(name)} where ${deletedLongAgo(upTo)}`.execute(db)
  return { rows: rows[0]?.rows ?? 0, finished: true }
}

/** Whether any row is not past retention. */
export const holdsYounger = async (db: Kysely<Database>, name: string, upTo: PurgedUpTo): Promise<boolean> => {
  const { rows } = await sql<{ younger: boolean }>`
    select exists (select from ${sql.table(name)} where not (${pastRetention(upTo)})) as younger`.execute(db)
  return rows[0]?.younger ?? false
}
