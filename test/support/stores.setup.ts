import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeAfterUs } from '../../infra/local/reaper.ts'
import { startPostgres } from '../../infra/local/stores/postgres.ts'
import { startRedis } from '../../infra/local/stores/redis.ts'
import { migrateToLatest } from './content-keys.ts'

declare global {
  /** Ends the stores of this test run; made by the global set-up. */
  var stopTestStores: (() => Promise<void>) | undefined
}

const tell = (text: string): void => void process.stderr.write(`${text}\n`)

/**
 * Before the integration tests: one Postgres with the newest schema and one Redis in cluster mode, in a directory of their own,
 * at `TEST_DATABASE_URL` and `TEST_REDIS_URL`. They end with the run, also when it is aborted.
 */
const setUp = async (): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'kaha-chat-test-'))
  removeAfterUs(directory)
  const start = (name: string, launch: typeof startPostgres) =>
    launch({
      directory: join(directory, name),
      logFile: join(directory, `${name}.log`),
      log: text => tell(`${name}: ${text}`),
    })
  const [postgres, redis] = await Promise.all([start('postgres', startPostgres), start('redis', startRedis)])
  globalThis.stopTestStores = async () => {
    await Promise.all([postgres.stop(), redis.stop()])
  }
  tell(`${postgres.title} and ${redis.title} for the integration tests`)
  await migrateToLatest(postgres.url)
  process.env.TEST_DATABASE_URL = postgres.url
  process.env.TEST_REDIS_URL = redis.url
}

export default setUp
