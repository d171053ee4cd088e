import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Kysely, sql } from 'kysely'
import { v7 } from 'uuid'
import { startPostgres } from '../../infra/local/stores/postgres.ts'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { openDatabase } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import { rotateKey, settledAfterMs } from '../../shared/encryption/rotation.ts'
import { attachPartitions, dropPartition, listPartitions } from '../../shared/messages/partitions.ts'
import { reEncrypt } from '../../shared/messages/re-encryption.ts'
import { migrateToLatest, openContentKeys, testWrapping } from '../support/content-keys.ts'
import { storedMessages, storeMessages } from '../support/stored-messages.ts'

const openAs = (url: string, user: string): Kysely<Database> => {
  const login = new URL(url)
  login.username = user
  login.password = 'for this test'
  return openDatabase(DatabaseConfig.parse({ DATABASE_URL: login.href }))
}

let directory: string
let postgres: Awaited<ReturnType<typeof startPostgres>>
let app: Kysely<Database>
let maintenance: Kysely<Database>
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaha-chat-roles-'))
  // Roles belong to a whole server, so this test has one of its own.
  postgres = await startPostgres({
    directory: join(directory, 'postgres'),
    logFile: join(directory, 'log'),
    log: () => {},
  })
  const administrator = new URL(postgres.url)
  const owner = sql.id(administrator.username)
  administrator.username = 'postgres'
  const server = openDatabase(DatabaseConfig.parse({ DATABASE_URL: administrator.href }))
  // As RDS has it: the owner of the database makes roles, and hands on the right to log in by IAM.
  await sql`create role rds_iam nologin`.execute(server)
  await sql`alter role ${owner} createrole`.execute(server)
  await sql`grant rds_iam to ${owner} with admin option`.execute(server)
  await Promise.all([migrateToLatest(postgres.url), migrateToLatest(postgres.url)])
  await migrateToLatest(postgres.url)
  for (const role of ['kaha_app', 'kaha_maintenance']) {
    await sql`alter role ${sql.id(role)} password 'for this test'`.execute(server)
  }
  await server.destroy()
  app = openAs(postgres.url, 'kaha_app')
  maintenance = openAs(postgres.url, 'kaha_maintenance')
}, 60_000)
afterAll(async () => {
  await Promise.all([app?.destroy(), maintenance?.destroy()])
  await postgres?.stop()
  await rm(directory, { recursive: true, force: true })
})

test('the application reads and writes rows, and changes no table', async () => {
  const [user, conversation] = [v7(), v7()]
  const now = new Date()
  await sql`insert into users (id, created_at) values (${user}, ${now})`.execute(app)
  await sql`insert into conversations (id, type, created_by, created_at, last_activity_at)
    values (${conversation}, 'group', ${user}, ${now}, ${now})`.execute(app)
  await sql`insert into participants values (${conversation}, ${user}, 'admin', ${now}, null, 0, 0, 0)`.execute(app)
  const store = { db: app, contentKeys: openContentKeys() }
  await storeMessages(store, { conversationId: conversation, senderId: user }, ['Hi'])
  expect(await rotateKey({ db: app, wrapping: testWrapping }, { now, keyDays: 30, force: true })).toBeDefined()
  const afterAnHour = new Date(now.getTime() + settledAfterMs)
  expect(await reEncrypt(store, { now: afterAnHour, hasTime: () => true })).toMatchObject({ moved: 1, finished: true })
  expect(await storedMessages(store, conversation)).toMatchObject([{ seq: 1, content: 'Hi' }])
  await expect(sql`drop table messages`.execute(app)).rejects.toThrow('must be owner')
  await expect(sql`create table mine ()`.execute(app)).rejects.toThrow('permission denied')
  await expect(
    attachPartitions({ db: app, clock: { now: () => new Date(now.getTime() + 400 * 86_400_000) } }),
  ).rejects.toThrow(/permission denied|must be owner/)
})

test('maintenance attaches and drops partitions, and reads no other table', async () => {
  const later = { now: () => new Date(Date.now() + 100 * 86_400_000) }
  const attached = await attachPartitions({ db: maintenance, clock: later })
  expect(attached.length).toBeGreaterThan(0)
  const [last] = (await listPartitions(maintenance)).slice(-1)
  expect(await dropPartition(maintenance, last?.name ?? '', () => true)).toBe(true)
  await expect(sql`select * from users`.execute(maintenance)).rejects.toThrow('permission denied')
})
