import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import { listPartitions } from '../../shared/messages/partitions.ts'
import { migrateToLatest } from '../support/content-keys.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'

let fresh: OwnDatabase
beforeEach(async () => {
  fresh = await createOwnDatabase()
  await sql`drop schema public cascade`.execute(fresh.db)
  await sql`create schema public`.execute(fresh.db)
})
afterEach(() => fresh.close())

test('a fresh database gets the newest schema, and repeating it changes nothing', async () => {
  expect(await migrateToLatest(fresh.url)).not.toEqual([])
  const partitions = await listPartitions(fresh.db)
  expect(partitions).not.toEqual([])
  expect(await migrateToLatest(fresh.url)).toEqual([])
  expect(await listPartitions(fresh.db)).toEqual(partitions)
})

test('migrations that run at the same time on a fresh database all succeed, and each step is done once', async () => {
  const applied = await Promise.all([
    migrateToLatest(fresh.url),
    migrateToLatest(fresh.url),
    migrateToLatest(fresh.url),
  ])
  expect(applied.filter(names => names.length > 0)).toHaveLength(1)
  const partitions = await listPartitions(fresh.db)
  for (const [index, { from }] of partitions.slice(1).entries()) expect(from).toEqual(partitions[index]?.to)
})
