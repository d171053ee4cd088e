import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { hasSqlState, sqlState } from '../database/errors.ts'
import type { Database } from '../database/schema.ts'
import type { Clock } from '../platform/clock.ts'
import { idTime, lowestIdAt } from '../platform/ids.ts'

/** The time that one partition covers, in UTC. Its start is the first day of the month, a Monday, or a midnight. */
export type PartitionSpan = 'month' | 'week' | 'day'

export interface Partition {
  name: string
  /** Messages whose id was minted from here on … */
  from: Date
  /** … and before here. */
  to: Date
}

/** Clients may bring ids of the last 24 hours, so yesterday's partition must be there on the first day, too. */
const behindMs = 24 * 60 * 60 * 1000
const monthsAhead = 3
/** Attaching waits for running transactions on `messages`; rather than making others queue behind it, it tries again. */
const lockTimeout = '2s'
const attempts = 5

const spanStart = (time: Date, span: PartitionSpan): Date => {
  const [year, month, day] = [time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate()]
  const daysSinceMonday = (time.getUTCDay() + 6) % 7
  return new Date(Date.UTC(year, month, span === 'month' ? 1 : span === 'week' ? day - daysSinceMonday : day))
}

const nextStart = (start: Date, span: PartitionSpan): Date => {
  const [year, month, day] = [start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate()]
  const next = span === 'month' ? Date.UTC(year, month + 1, 1) : Date.UTC(year, month, day + (span === 'week' ? 7 : 1))
  return spanStart(new Date(next), span)
}

/** The partitions of `messages`, oldest first. */
export const listPartitions = async (db: Kysely<Database>): Promise<Partition[]> => {
  const { rows } = await sql<{ name: string; bound: string }>`
    select child.relname as name, pg_get_expr(child.relpartbound, child.oid) as bound
    from pg_inherits join pg_class child on child.oid = inhrelid
    where inhparent = 'messages'::regclass and not inhdetachpending`.execute(db)
  return rows
    .map(({ name, bound }) => {
      const [from = '', to = ''] = Array.from(bound.matchAll(/'([0-9a-f-]{36})'/g), match => match[1] ?? '')
      return { name, from: new Date(idTime(from)), to: new Date(idTime(to)) }
    })
    .sort((a, b) => a.from.getTime() - b.from.getTime())
}

const attach = (db: Kysely<Database>, { name, from, to }: Partition): Promise<void> =>
  db.transaction().execute(async trx => {
    await sql`set local lock_timeout = ${sql.lit(lockTimeout)}`.execute(trx)
    // `create table … partition of` would lock all of `messages` against sends; attaching a ready table does not.
    await sql`create table ${sql.table(name)} (like messages including all)`.execute(trx)
    await sql`
      alter table messages attach partition ${sql.table(name)}
      for values from (${sql.lit(lowestIdAt(from))}) to (${sql.lit(lowestIdAt(to))})`.execute(trx)
  })

const withRetries = async (work: () => Promise<void>): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !hasSqlState(error, sqlState.lockNotAvailable)) throw error
      await delay(Math.random() * 1_000 * attempt)
    }
  }
}

/**
 * Attaches the partitions that are missing between yesterday and three months from now; returns them. Each is attached
 * atomically and starts where the last one ends, so a change of the span leaves no gap. Repeating it does nothing.
 */
export const attachPartitions = async (
  { db, clock }: { db: Kysely<Database>; clock: Clock },
  span: PartitionSpan = 'month',
): Promise<Partition[]> => {
  const now = clock.now()
  const needed = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + monthsAhead, now.getUTCDate()))
  const existing = await listPartitions(db)
  const attached: Partition[] = []
  let from = existing.at(-1)?.to ?? spanStart(new Date(now.getTime() - behindMs), span)
  while (from <= needed) {
    const to = nextStart(spanStart(from, span), span)
    const partition = { name: `messages_${from.toISOString().slice(0, 10).replaceAll('-', '')}`, from, to }
    await withRetries(() => attach(db, partition))
    attached.push(partition)
    from = to
  }
  return attached
}
