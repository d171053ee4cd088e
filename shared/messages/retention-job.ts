import type { Kysely } from 'kysely'
import { hasSqlState, sqlState } from '../database/errors.ts'
import type { Amount } from '../database/in-batches.ts'
import type { Database } from '../database/schema.ts'
import { logger } from '../platform/logger.ts'
import {
  attachPartitions,
  dropPartition,
  idRange,
  listOutgoing,
  listPartitions,
  missingPartitions,
  type Partition,
  type PartitionSpan,
} from './partitions.ts'
import { countDeleted, countPast, countRows, deleteDeleted, deletePast, holdsYounger } from './retention.repository.ts'
import { type PurgedUpTo, purgedUpTo, type RetentionDays } from './retention.ts'

export interface RetentionDeps {
  db: Kysely<Database>
  days: RetentionDays
  span: PartitionSpan
}

export interface RetentionRun {
  now: Date
  /** Count what a run would do now, and change nothing. */
  dryRun: boolean
  /** Asked before each statement: false ends the run. */
  hasTime: () => boolean
}

export interface RetentionReport {
  /** Names of partitions that were attached ahead. */
  attached: string[]
  /** Partitions that begin after `now`. */
  partitionsAhead: number
  /** Names of partitions that were dropped, because all that was in them was past retention. */
  dropped: string[]
  /** Messages that were past retention, those in dropped partitions among them. */
  purged: number
  /** Messages that somebody had deleted, and that were not past retention. */
  deletionsPurged: number
  /** False when something is left for the next run: time ran out, or a partition was in use for too long. */
  finished: boolean
}

/** What the work answers, or that, when another run has dropped the partition meanwhile. */
const unlessDropped = async <Result>(work: Promise<Result>, otherwise: Result): Promise<Result> => {
  try {
    return await work
  } catch (error) {
    if (hasSqlState(error, sqlState.undefinedTable)) return otherwise
    throw error
  }
}

const pastPartitions = async (
  db: Kysely<Database>,
  partitions: readonly Partition[],
  upTo: PurgedUpTo,
): Promise<string[]> => {
  const past: string[] = []
  for (const { name, to } of partitions) {
    const isPast = to.getTime() + idRange.behindMs <= upTo.sent.getTime()
    // Its range says it without a look inside; the look is there because a drop can't be undone.
    if (isPast && !(await unlessDropped(holdsYounger(db, name, upTo), true))) past.push(name)
  }
  return past
}

/** True when the table is gone, by whomever; counts its rows when it was this run that dropped it. */
const drop = async (
  { db }: RetentionDeps,
  name: string,
  { dryRun, hasTime }: RetentionRun,
  report: RetentionReport,
): Promise<boolean> => {
  try {
    const { rows, finished } = await unlessDropped(countRows(db, name, hasTime), { rows: 0, finished: true })
    if (!finished) return false
    if (dryRun || (await dropPartition(db, name, hasTime))) {
      report.dropped.push(name)
      report.purged += rows
    }
    return true
  } catch (error) {
    logger.warn('A partition past retention could not be dropped yet', { partition: name, error })
    return false
  }
}

/**
 * Attaches the partitions that sends need next, drops those in which everything is past retention, and purges, oldest first,
 * the rest of what is past retention and what was deleted long enough ago. Nothing else is touched. Work is done in small
 * transactions that stay done: a run that ends early, however, is gone on with by the next, and the end is the same. Runs at
 * the same time share the work. Rejects when partitions can't be attached or the database fails.
 */
export const applyRetention = async (deps: RetentionDeps, run: RetentionRun): Promise<RetentionReport> => {
  const { db, days, span } = deps
  const { now, dryRun, hasTime } = run
  const upTo = purgedUpTo(now, days)
  const attached = dryRun
    ? missingPartitions(await listPartitions(db), now, span)
    : await attachPartitions({ db, clock: { now: () => now } }, span)
  const partitions = await listPartitions(db)
  const isAhead = ({ from }: Partition) => from > now
  const report: RetentionReport = {
    attached: attached.map(partition => partition.name),
    partitionsAhead: (dryRun ? [...partitions, ...attached] : partitions).filter(isAhead).length,
    dropped: [],
    purged: 0,
    deletionsPurged: 0,
    finished: true,
  }

  const outgoing = new Set([...(await listOutgoing(db)), ...(await pastPartitions(db, partitions, upTo))])
  for (const name of outgoing) {
    const isGone = hasTime() && (await drop(deps, name, run, report))
    report.finished &&= isGone
  }

  const purge = async (work: (...args: Parameters<typeof deletePast>) => Promise<Amount>): Promise<number> => {
    let purged = 0
    for (const partition of partitions.filter(({ name }) => !outgoing.has(name))) {
      const { rows, finished } = await unlessDropped(work(db, partition, upTo, hasTime), {
        rows: 0,
        finished: true,
      })
      purged += rows
      report.finished &&= finished
    }
    return purged
  }
  report.purged += await purge(dryRun ? countPast : deletePast)
  report.deletionsPurged = await purge(dryRun ? countDeleted : deleteDeleted)
  return report
}
