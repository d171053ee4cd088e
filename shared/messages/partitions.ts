import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import * as z from 'zod'
import { hasSqlState, sqlState } from '../database/errors.ts'
import type { Database } from '../database/schema.ts'
import type { Clock } from '../platform/clock.ts'
import { readConfig } from '../platform/config.ts'
import { idTime, lowestIdAt } from '../platform/ids.ts'
import { Problem } from '../platform/problems.ts'

export const PartitionConfig = z.object({
  MESSAGE_PARTITION_SPAN: z.enum(['month', 'week', 'day']).default('month'),
})

/** The time that one partition covers, in UTC. Its start is the first day of the month, a Monday, or a midnight. */
export type PartitionSpan = z.output<typeof PartitionConfig>['MESSAGE_PARTITION_SPAN']

export const partitionSpanFromEnvironment = (): PartitionSpan => readConfig(PartitionConfig).MESSAGE_PARTITION_SPAN

export interface Partition {
  name: string
  /** Messages whose id was minted from here on … */
  from: Date
  /** … and before here. */
  to: Date
}

/** How far the time in an id may lie from the time at which its message is sent. */
export const idRange = { behindMs: 24 * 60 * 60 * 1000, aheadMs: 5 * 60 * 1000 } as const

const monthsAhead = 3
const attempts = 5
/** Rather than making others queue behind it for long, a change of the schema gives up and tries again. */
const lockTimeout = '2s'

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

/** The partitions of `messages`, oldest first, also one that is half detached. */
export const listPartitions = async (db: Kysely<Database>): Promise<Partition[]> => {
  const { rows } = await sql<{ name: string; bound: string }>`
    select child.relname as name, pg_get_expr(child.relpartbound, child.oid) as bound
    from pg_inherits join pg_class child on child.oid = inhrelid
    where inhparent = 'messages'::regclass`.execute(db)
  return rows
    .map(({ name, bound }) => {
      const [from = '', to = ''] = Array.from(bound.matchAll(/'([0-9a-f-]{36})'/g), match => match[1] ?? '')
      return { name, from: new Date(idTime(from)), to: new Date(idTime(to)) }
    })
    .sort((a, b) => a.from.getTime() - b.from.getTime())
}

/** The partitions that are missing between yesterday and three months from now, oldest first. */
export const missingPartitions = (existing: readonly Partition[], now: Date, span: PartitionSpan): Partition[] => {
  const needed = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + monthsAhead, now.getUTCDate()))
  const missing: Partition[] = []
  let from = existing.at(-1)?.to ?? spanStart(new Date(now.getTime() - idRange.behindMs), span)
  while (from <= needed) {
    const to = nextStart(spanStart(from, span), span)
    missing.push({ name: `messages_${from.toISOString().slice(0, 10).replaceAll('-', '')}`, from, to })
    from = to
  }
  return missing
}

const withinLockTimeout = <Result>(
  db: Kysely<Database>,
  work: (trx: Transaction<Database>) => Promise<Result>,
): Promise<Result> =>
  db.transaction().execute(async trx => {
    await sql`set local lock_timeout = ${sql.lit(lockTimeout)}`.execute(trx)
    return work(trx)
  })

/** Somebody else has a lock, or is just changing the same partition. */
const mayPass = (error: unknown): boolean =>
  error instanceof Problem
    ? error.retryable
    : [sqlState.lockNotAvailable, sqlState.notInPrerequisiteState, sqlState.undefinedTable].some(state =>
        hasSqlState(error, state),
      )

const withRetries = async <Result>(work: () => Promise<Result>, hasTime = () => true): Promise<Result> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !mayPass(error) || !hasTime()) throw error
      await delay(Math.random() * 1_000 * attempt)
    }
  }
}

type PartitionState = 'attached' | 'detaching' | 'detached' | 'gone'

const stateOf = async (db: Kysely<Database>, name: string): Promise<PartitionState> => {
  const { rows } = await sql<{ detaching: boolean | null }>`
    select inhdetachpending as detaching
    from pg_class left join pg_inherits on inhrelid = oid and inhparent = 'messages'::regclass
    where oid = to_regclass(${name})`.execute(db)
  const [found] = rows
  if (!found) return 'gone'
  if (found.detaching === null) return 'detached'
  return found.detaching ? 'detaching' : 'attached'
}

/** False when somebody else has attached it meanwhile. */
const attach = (db: Kysely<Database>, { name, from, to }: Partition): Promise<boolean> =>
  withinLockTimeout(db, async trx => {
    await sql`select pg_advisory_xact_lock(hashtext('partitions of messages'))`.execute(trx)
    if ((await stateOf(trx, name)) === 'attached') return false
    // `create table … partition of` would lock all of `messages` against sends; attaching a ready table does not.
    await sql`create table ${sql.table(name)} (like messages including all)`.execute(trx)
    await sql`
      alter table messages attach partition ${sql.table(name)}
      for values from (${sql.lit(lowestIdAt(from))}) to (${sql.lit(lowestIdAt(to))})`.execute(trx)
    return true
  })

/**
 * Attaches the partitions that are missing between yesterday and three months from now; returns those that this call attached.
 * Each is attached atomically and starts where the last one ends, so a change of the span leaves no gap. Sends go on meanwhile.
 * Repeating it, or running it twice at once, does nothing more. Rejects when the locks can't be had in several attempts.
 */
export const attachPartitions = async (
  { db, clock }: { db: Kysely<Database>; clock: Clock },
  span: PartitionSpan = 'month',
): Promise<Partition[]> => {
  const attached: Partition[] = []
  for (const partition of missingPartitions(await listPartitions(db), clock.now(), span)) {
    if (await withRetries(() => attach(db, partition))) attached.push(partition)
  }
  return attached
}

/** A table that is on its way out carries this, so that whatever a run leaves half done the next one finds and ends. */
const outgoing = 'Past retention: it is detached, then dropped'

/** The tables that a run has begun to detach and has not dropped. They are no part of `messages` any more. */
export const listOutgoing = async (db: Kysely<Database>): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`
    select relname as name
    from pg_class left join pg_inherits on inhrelid = oid
    where obj_description(oid, 'pg_class') = ${outgoing} and (inhparent is null or inhdetachpending)
    order by relname`.execute(db)
  return rows.map(row => row.name)
}

const alterMessages = (change: RawBuilder<unknown>): RawBuilder<unknown> => sql`alter table messages ${change}`

/** From whatever state the table is in to the next, until it is gone. */
const removeOnce = async (db: Kysely<Database>, name: string): Promise<boolean> => {
  const table = sql.table(name)
  switch (await stateOf(db, name)) {
    case 'gone':
      return false
    case 'attached':
      await withinLockTimeout(db, trx => sql`comment on table ${table} is ${sql.lit(outgoing)}`.execute(trx))
      // Without `concurrently` every send would queue behind it until the slowest running statement has ended.
      await alterMessages(sql`detach partition ${table} concurrently`).execute(db)
      break
    case 'detaching':
      await withinLockTimeout(db, trx => alterMessages(sql`detach partition ${table} finalize`).execute(trx))
  }
  await withinLockTimeout(db, trx => sql`drop table ${table}`.execute(trx))
  return true
}

/**
 * Detaches a partition and drops it with all that it holds; true when this call dropped it, false when it was gone. Sends go on
 * meanwhile. It waits for the statements that read the partition, which the server's `statement_timeout` ends, and tries again
 * as long as `hasTime` says so; then it rejects, and a later call goes on where this one stopped, as does one that runs at the
 * same time.
 */
export const dropPartition = (db: Kysely<Database>, name: string, hasTime: () => boolean): Promise<boolean> =>
  withRetries(() => removeOnce(db, name), hasTime)
