import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Host, startHost } from '../../infra/local/host.ts'
import { hostStore } from '../../infra/local/hosted-store.ts'
import { localDirectoryAt } from '../../infra/local/local-directory.ts'
import { removeAfterUs } from '../../infra/local/reaper.ts'
import { startRedis } from '../../infra/local/stores/redis.ts'
import type { MessageStore } from '../../shared/messages/message-body.ts'
import { until } from '../local/stores/until.ts'
import { createRedisProxy, type RedisProxy } from './faults-redis-proxy.ts'
import { requireNoLeaks } from './leaks.ts'
import { announceStack } from './stack.ts'
import { messagesOf } from './stored-messages.ts'
import { testSecret } from './tokens.ts'

/** Real periods and outages, for a run by hand; otherwise everything is shortened to seconds. */
export const atDefaults = process.env.FAULTS_AT_DEFAULTS === '1'

/** In seconds. */
export const periods = atDefaults
  ? { repairAfter: 30, sweep: 15, presenceSweep: 5, offlineAfter: 30, closeGrace: 5 }
  : { repairAfter: 2, sweep: 1, presenceSweep: 1, offlineAfter: 4, closeGrace: 2 }

/** How long stores are gone for, in milliseconds. */
export const outageMs = atDefaults ? 30_000 : 3_000

/** Within this time whatever was lost on the way comes again, in milliseconds: 90 s at the defaults. */
export const repairedWithinMs = atDefaults ? 90_000 : 20_000

/** For a test that waits so often for a repair. */
export const testTimeoutMs = (repairs: number): number => repairs * repairedWithinMs + 2 * outageMs + 60_000

/** Figures of a run, for its reader. */
export const report = (text: string): void => void process.stderr.write(`${text}\n`)

export interface FaultStack {
  readonly host: Host
  /** Its clients are refused while it is stopped; it starts empty. */
  readonly redis: { stop(): Promise<void>; start(): Promise<void> }
  /** What functions send to Redis goes through here. */
  readonly redisProxy: RedisProxy
  /** Messages as they are stored. */
  readonly messages: MessageStore
  /** Rows as they are stored. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** What Lambda itself had to say since the start: functions that crashed, timed out or threw. */
  complaints(): Promise<string[]>
  stop(): Promise<void>
}

/** These periods, and no limits of rates. */
export const faultSettings = {
  REPAIR_AFTER_SECONDS: String(periods.repairAfter),
  SWEEP_SECONDS: String(periods.sweep),
  PRESENCE_SWEEP_SECONDS: String(periods.presenceSweep),
  HEARTBEAT_SECONDS: String(Math.floor(periods.offlineAfter / 2)),
  PRESENCE_OFFLINE_AFTER_SECONDS: String(periods.offlineAfter),
  PRESENCE_CLOSE_GRACE_SECONDS: String(periods.closeGrace),
  RATE_LIMIT_SENDS: '0',
  RATE_LIMIT_REQUESTS: '0',
  RATE_LIMIT_AUTH_FAILURES: '0',
}

/**
 * The whole service in this process, in an empty directory of its own, with these periods, and a proxy before its Redis. It
 * takes tokens of `tokenFor`, and its sweep is on its way. What it has started ends with this process at the latest.
 */
export const startFaultStack = async (): Promise<FaultStack> => {
  const directory = localDirectoryAt(await mkdtemp(join(tmpdir(), 'kaha-chat-faults-')))
  removeAfterUs(directory.path)
  await using started = new AsyncDisposableStack()
  started.defer(() => rm(directory.path, { recursive: true, force: true }))
  const logFile = join(directory.path, 'redis.log')
  const redis = await hostStore(
    port => startRedis({ directory: directory.redis, port, logFile, log: () => {} }),
    () => {},
  )
  started.defer(redis.stop)
  const redisProxy = await createRedisProxy(redis.url)
  await redisProxy.start()
  started.defer(redisProxy.stop)
  const host = await startHost({ directory, jwtSecret: testSecret, redisUrl: redisProxy.url, settings: faultSettings })
  started.defer(host.stop)
  const pool = new pg.Pool({ connectionString: host.outputs.DatabaseUrl, max: 4 })
  // Its server is restarted by tests.
  pool.on('error', () => {})
  started.defer(() => pool.end())
  const messages = await messagesOf({ outputs: host.outputs, directory })
  started.defer(() => messages.db.destroy())
  await until('the sweep is planned', async () => (await host.invoke('SweepFunction', {})).outcome === 'ok', 30_000)
  announceStack({ outputs: host.outputs, directory })
  const running = started.move()
  return {
    host,
    redis: {
      stop: async () => {
        await redisProxy.stop()
        await redis.stop()
      },
      start: async () => {
        await redis.start()
        await redisProxy.start()
      },
    },
    redisProxy,
    messages,
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await pool.query(text, [...values])).rows as Row[],
    complaints: async () => {
      const log = await readFile(join(directory.logs, 'functions.log'), 'utf8')
      return log.split('\n').filter(line => /^\S+ \S+ host /.test(line))
    },
    stop: async () => {
      const noLeaks = requireNoLeaks({ outputs: host.outputs, directory })
      await noLeaks.catch(() => {})
      await running.disposeAsync()
      await noLeaks
    },
  }
}
