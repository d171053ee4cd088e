import { Redis } from 'ioredis'
import pg from 'pg'
import type { Usage } from '../../../infra/cost/bill.ts'

/** What a Postgres must be started with so that it can be asked. */
export const countingParameters = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_planning': 'on',
} as const

export type StoreUsage = Pick<
  Usage,
  'cacheProcessingUnits' | 'sqlStatements' | 'databaseSeconds' | 'databaseWrites' | 'storedGigabyteMonths'
>

export interface Stores {
  /** What they have done so far; asking is not counted. */
  usage(): Promise<StoreUsage>
  close(): Promise<void>
}

const kilobyte = 1_024
const walWriteBytes = 4_096
const gigabyte = 1e9
/** 90 days and 7. */
const keptMonths = 97 / (365 / 12)
/** Which every connection sends when it begins, and those by which this program asks. */
const notBilled = ['info', 'auth', 'hello', 'client', 'cluster', 'command', 'ping', 'readonly']

/**
 * A simple command is one unit, those within a script too, and each further KB that a command moves is another; both are added up here,
 * which is a little more than what is billed.
 */
const countProcessingUnits = (redis: Redis): (() => Promise<number>) => {
  let asked = 0
  return async () => {
    const commands = await redis.info('commandstats')
    asked += Buffer.byteLength(commands)
    const stats = await redis.info('stats')
    let calls = 0
    for (const [, name = '', count] of commands.matchAll(/cmdstat_([^|:]+)[^:]*:calls=(\d+)/g)) {
      if (!notBilled.includes(name)) calls += Number(count)
    }
    const traffic = stats.matchAll(/total_net_(?:in|out)put_bytes:(\d+)/g)
    const bytes = traffic.reduce((sum, [, count]) => sum + Number(count), 0) - asked
    asked += Buffer.byteLength(stats)
    return calls + bytes / kilobyte
  }
}

/** Postgres and Redis know by themselves what they have done: asks them. `databaseUrl` as who owns the server. */
export const openStores = async ({
  databaseUrl,
  redisUrl,
}: {
  databaseUrl: string
  redisUrl: string
}): Promise<Stores> => {
  const postgres = new pg.Client({ connectionString: databaseUrl })
  await postgres.connect()
  await postgres.query('create extension if not exists pg_stat_statements')
  const redis = new Redis(redisUrl)
  const processingUnits = countProcessingUnits(redis)
  return {
    usage: async () => {
      const { rows } = await postgres.query<{ statements: number; seconds: number; wal: number; stored: number }>(`
        select coalesce(sum(calls), 0)::float as statements,
          coalesce(sum(total_exec_time + total_plan_time), 0) / 1000 as seconds,
          pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float as wal,
          pg_database_size(current_database())::float as stored
        from pg_stat_statements
        where dbid = (select oid from pg_database where datname = current_database())
          and query not like '%pg_stat_statements%'`)
      const { statements, seconds, wal, stored } = rows[0] ?? { statements: 0, seconds: 0, wal: 0, stored: 0 }
      return {
        cacheProcessingUnits: await processingUnits(),
        sqlStatements: statements,
        databaseSeconds: seconds,
        databaseWrites: wal / walWriteBytes,
        storedGigabyteMonths: (stored / gigabyte) * keptMonths,
      }
    },
    close: async () => {
      redis.disconnect()
      await postgres.end()
    },
  }
}
