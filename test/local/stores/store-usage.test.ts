import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import pg from 'pg'
import { startPostgres } from '../../../infra/local/stores/postgres.ts'
import { startRedis } from '../../../infra/local/stores/redis.ts'
import { countingParameters, openStores } from '../../load/cost/store-usage.ts'
import { temporaryDirectory } from './temporary-directory.ts'

test('statements, their time and commands are counted, and asking for the counts is not', async () => {
  const directory = await temporaryDirectory()
  const options = (name: string) => ({
    directory: join(directory, name),
    logFile: join(directory, `${name}.log`),
    log: () => {},
  })
  await using started = new AsyncDisposableStack()
  const postgres = await startPostgres({ ...options('postgres'), parameters: countingParameters })
  started.defer(postgres.stop)
  const redis = await startRedis(options('redis'))
  started.defer(redis.stop)
  const asAdministrator = new URL(postgres.url)
  asAdministrator.username = 'postgres'
  const databaseUrl = asAdministrator.href
  const stores = await openStores({ databaseUrl, redisUrl: redis.url })
  started.defer(stores.close)
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  started.defer(() => database.end())
  const cache = new Redis(redis.url)
  started.defer(async () => cache.disconnect())
  await database.query('create table noted (text text)')
  await cache.set('ready', 1)

  const before = await stores.usage()
  for (const text of ['a', 'b', 'c']) await database.query('insert into noted values ($1)', [text])
  await database.query('select pg_sleep(0.1)')
  for (const value of [1, 2, 3, 4, 5]) await cache.set('noted', value)
  const after = await stores.usage()

  expect(after.sqlStatements - before.sqlStatements).toBe(4)
  expect(after.databaseSeconds - before.databaseSeconds).toBeGreaterThanOrEqual(0.1)
  expect(after.databaseWrites).toBeGreaterThan(before.databaseWrites)
  const units = after.cacheProcessingUnits - before.cacheProcessingUnits
  expect(units).toBeGreaterThanOrEqual(5)
  expect(units).toBeLessThan(6)
  await cache.set('noted', 'x'.repeat(1_024 * 1_024))
  expect((await stores.usage()).cacheProcessingUnits - after.cacheProcessingUnits).toBeGreaterThan(1_000)
})
