import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Host, startHost } from '../../infra/local/host.ts'
import { type LocalDirectory, localDirectoryAt } from '../../infra/local/local-directory.ts'
import { removeAfterUs } from '../../infra/local/reaper.ts'
import { startRedis } from '../../infra/local/stores/redis.ts'
import { until } from '../local/stores/until.ts'
import { type RedisProxy, startRedisProxy } from './faults-redis-proxy.ts'
import { announceStack } from './stack.ts'
import { testSecret } from './tokens.ts'

/** Real periods and outages, for a run by hand; otherwise everything is shortened to seconds. */
export const atDefaults = process.env.FAULTS_AT_DEFAULTS === '1'

/** In seconds. */
export const periods = atDefaults
  ? { repairAfter: 30, sweep: 15, presenceSweep: 5, offlineAfter: 30, closeGrace: 5 }
  : { repairAfter: 2, sweep: 1, presenceSweep: 1, offlineAfter: 4, closeGrace: 2 }

/** How long stores are gone for, in milliseconds. */
export const outageMs = atDefaults ? 30_000 : 4_000

/** Within this time whatever was lost on the way comes again, in milliseconds: 90 s at the defaults. */
export const repairedWithinMs = atDefaults ? 90_000 : 20_000

/** For a test that waits so often for a repair. */
export const testTimeoutMs = (repairs: number): number => repairs * repairedWithinMs + 2 * outageMs + 60_000

export interface FaultStack {
  readonly host: Host
  /** Rows as they are stored. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** What Lambda itself had to say since the start: functions that crashed, timed out or threw. */
  complaints(): Promise<string[]>
  stop(): Promise<void>
}

/** An empty directory that is removed when this process ends, at the latest. */
const newDirectory = async (): Promise<LocalDirectory> => {
  const path = await mkdtemp(join(tmpdir(), 'kaha-chat-faults-'))
  removeAfterUs(path)
  return localDirectoryAt(path)
}

const startIn = async (directory: LocalDirectory, servers: { redisUrl?: string }): Promise<FaultStack> => {
  const host = await startHost({
    directory,
    jwtSecret: testSecret,
    ...servers,
    settings: {
      REPAIR_AFTER_SECONDS: String(periods.repairAfter),
      SWEEP_SECONDS: String(periods.sweep),
      PRESENCE_SWEEP_SECONDS: String(periods.presenceSweep),
      PRESENCE_OFFLINE_AFTER_SECONDS: String(periods.offlineAfter),
      PRESENCE_CLOSE_GRACE_SECONDS: String(periods.closeGrace),
      RATE_LIMIT_SENDS: '0',
      RATE_LIMIT_REQUESTS: '0',
      RATE_LIMIT_AUTH_FAILURES: '0',
    },
  })
  await until('the sweep is planned', async () => (await host.invoke('SweepFunction', {})).outcome === 'ok', 30_000)
  announceStack({ outputs: host.outputs, directory })
  const pool = new pg.Pool({ connectionString: host.outputs.DatabaseUrl, max: 4 })
  // Its server is restarted by tests.
  pool.on('error', () => {})
  return {
    host,
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await pool.query(text, [...values])).rows as Row[],
    complaints: async () => {
      const log = await readFile(join(directory.logs, 'functions.log'), 'utf8')
      return log.split('\n').filter(line => /^\S+ \S+ host /.test(line))
    },
    stop: async () => {
      await pool.end()
      await host.stop()
      await rm(directory.path, { recursive: true, force: true })
    },
  }
}

/** The whole service in this process, in an empty directory of its own, with these periods; it takes tokens of `tokenFor`. */
export const startFaultStack = async (): Promise<FaultStack> => startIn(await newDirectory(), {})

/** The same, with a proxy between the functions and Redis. */
export const startProxiedStack = async (): Promise<FaultStack & { proxy: RedisProxy }> => {
  const directory = await newDirectory()
  const logFile = join(directory.path, 'redis.log')
  const redis = await startRedis({ directory: directory.redis, logFile, log: () => {} })
  const proxy = await startRedisProxy(redis.url)
  const stack = await startIn(directory, { redisUrl: proxy.url })
  return {
    ...stack,
    proxy,
    stop: async () => {
      await stack.stop()
      await proxy.stop()
      await redis.stop()
      await rm(directory.path, { recursive: true, force: true })
    },
  }
}
