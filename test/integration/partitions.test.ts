import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { openDatabase } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import { insertMessage } from '../../shared/messages/messages.repository.ts'
import {
  attachPartitions,
  listPartitions,
  type Partition,
  type PartitionSpan,
} from '../../shared/messages/partitions.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { lowestIdAt, newId } from '../../shared/platform/ids.ts'
import { migrateToLatest, openContentKeys } from '../support/content-keys.ts'

const databases: string[] = []
let server: pg.Client
beforeAll(async () => {
  server = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL })
  await server.connect()
})
afterAll(async () => {
  for (const name of databases) await server.query(`drop database ${name} with (force)`)
  await server.end()
})

/** A database that nobody has touched yet, on the server of the other tests. */
const createDatabase = async (): Promise<string> => {
  const name = `partitions_${randomBytes(6).toString('hex')}`
  await server.query(`create database ${name}`)
  databases.push(name)
  const url = new URL(process.env.TEST_DATABASE_URL ?? '')
  url.pathname = name
  return url.href
}

const open = (url: string) => openDatabase(DatabaseConfig.parse({ DATABASE_URL: url, DATABASE_POOL_MAX: '10' }))

/** The newest schema without a partition, in a database of its own. */
const withoutPartitions = async (): Promise<Kysely<Database> & AsyncDisposable> => {
  const url = await createDatabase()
  await migrateToLatest(url)
  const db = open(url)
  for (const { name } of await listPartitions(db)) await sql`drop table ${sql.table(name)}`.execute(db)
  return db
}

const attach = (db: Kysely<Database>, now: string, span?: PartitionSpan) =>
  attachPartitions({ db, clock: { now: () => new Date(now) } }, span)

const bounds = (partitions: readonly Partition[]) =>
  partitions.map(({ from, to }) => [from, to].map(time => time.toISOString().slice(0, 10)).join(' to '))

const expectNoGap = (partitions: readonly Partition[]): void => {
  for (const [index, { from }] of partitions.slice(1).entries()) expect(from).toEqual(partitions[index]?.to)
}

/** Where a message with this id comes to lie. */
const partitionOf = async (db: Kysely<Database>, id: string): Promise<string | undefined> => {
  const { rows } = await sql<{ name: string }>`
    insert into messages (id, conversation_id, seq, sender_id, type, sent_at)
    values (${id}, ${randomUUID()}, 1, ${randomUUID()}, 'text', now())
    returning tableoid::regclass::text as name`.execute(db)
  return rows[0]?.name
}
const lastIdBefore = (time: Date) =>
  lowestIdAt(new Date(time.getTime() - 1)).replace('-0000-0000-000000000000', '-7fff-bfff-ffffffffffff')

describe('migrations', () => {
  test('bring a fresh database to the newest schema, and repeating them changes nothing', async () => {
    const url = await createDatabase()
    expect(await migrateToLatest(url)).not.toEqual([])
    await using db = open(url)
    const before = await listPartitions(db)
    expect(await migrateToLatest(url)).toEqual([])
    expect(await listPartitions(db)).toEqual(before)
    expect(await partitionOf(db, newId(systemClock))).toMatch(/^messages_/)
  })

  test('that run at the same time on a fresh database all succeed', async () => {
    const url = await createDatabase()
    const applied = await Promise.all([migrateToLatest(url), migrateToLatest(url), migrateToLatest(url)])
    expect(applied.filter(names => names.length > 0)).toHaveLength(1)
    await using db = open(url)
    expectNoGap(await listPartitions(db))
  })
})

describe('partitions of messages', () => {
  test('reach from yesterday to three months ahead', async () => {
    await using db = await withoutPartitions()
    await attach(db, '2026-03-01T06:00:00Z')
    expect(bounds(await listPartitions(db))).toEqual([
      '2026-02-01 to 2026-03-01',
      '2026-03-01 to 2026-04-01',
      '2026-04-01 to 2026-05-01',
      '2026-05-01 to 2026-06-01',
      '2026-06-01 to 2026-07-01',
    ])
  })

  test('are attached as time goes on, a missing one at a time, and across the end of a year', async () => {
    await using db = await withoutPartitions()
    await attach(db, '2026-11-15T00:00:00Z')
    expect(bounds(await attach(db, '2026-11-30T23:59:59Z'))).toEqual(['2027-03-01 to 2027-04-01'])
    expect(await attach(db, '2026-11-30T23:59:59Z')).toEqual([])
    expect(bounds(await attach(db, '2027-02-01T00:00:00Z'))).toEqual([
      '2027-04-01 to 2027-05-01',
      '2027-05-01 to 2027-06-01',
    ])
    expectNoGap(await listPartitions(db))
  })

  test('leave no gap and no overlap when their span changes', async () => {
    await using db = await withoutPartitions()
    await attach(db, '2026-01-20T00:00:00Z', 'month')
    const weeks = await attach(db, '2026-02-20T00:00:00Z', 'week')
    expect(bounds(weeks)).toEqual([
      '2026-05-01 to 2026-05-04',
      '2026-05-04 to 2026-05-11',
      '2026-05-11 to 2026-05-18',
      '2026-05-18 to 2026-05-25',
    ])
    const days = await attach(db, '2026-02-27T00:00:00Z', 'day')
    expect(bounds(days)).toEqual(['2026-05-25 to 2026-05-26', '2026-05-26 to 2026-05-27', '2026-05-27 to 2026-05-28'])
    const months = await attach(db, '2026-03-05T00:00:00Z', 'month')
    expect(bounds(months)).toEqual(['2026-05-28 to 2026-06-01', '2026-06-01 to 2026-07-01'])
    expectNoGap(await listPartitions(db))
  })

  test('take the first and the last id of their time, and no other', async () => {
    await using db = await withoutPartitions()
    await attach(db, '2026-03-15T00:00:00Z')
    const partitions = await listPartitions(db)
    for (const { name, from, to } of partitions) {
      expect(await partitionOf(db, lowestIdAt(from))).toBe(name)
      expect(await partitionOf(db, lastIdBefore(to))).toBe(name)
    }
    const [first, last] = [partitions[0]?.from ?? new Date(0), partitions.at(-1)?.to ?? new Date(0)]
    for (const id of [lastIdBefore(first), lowestIdAt(last)]) {
      await expect(partitionOf(db, id)).rejects.toMatchObject({ code: '23514' })
    }
  })

  test('have the keys and indexes of messages, and none is the default one', async () => {
    await using db = await withoutPartitions()
    const [partition] = await attach(db, '2026-03-15T00:00:00Z')
    const { rows } = await sql<{ definition: string }>`
      select indexdef as definition from pg_indexes where tablename = ${partition?.name} order by indexname`.execute(db)
    expect(rows.map(({ definition }) => definition.replace(/^.* USING /, ''))).toEqual([
      'btree (conversation_id, changed_xid) WHERE (deleted_at IS NOT NULL)',
      'btree (conversation_id, seq)',
      'btree (deleted_at) WHERE (deleted_at IS NOT NULL)',
      'btree (id) WHERE (content IS NOT NULL)',
      'btree (id)',
      'brin (sent_at)',
    ])
    const { rows: defaults } = await sql`
      select 1 from pg_partitioned_table where partrelid = 'messages'::regclass and partdefid <> 0`.execute(db)
    expect(defaults).toEqual([])
  })

  test('are attached once by several who do it at the same time', async () => {
    await using db = await withoutPartitions()
    const attached = await Promise.all(Array.from({ length: 5 }, () => attach(db, '2026-03-15T00:00:00Z', 'week')))
    const partitions = await listPartitions(db)
    expect(
      attached
        .flat()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(partitions.map(({ name }) => name).sort())
    expectNoGap(partitions)
  })

  test('are attached while messages are sent, and no send fails', async () => {
    await using db = await withoutPartitions()
    await attachPartitions({ db, clock: systemClock })
    const [userId, conversationId] = [randomUUID(), randomUUID()]
    await sql`insert into users (id, created_at) values (${userId}, now())`.execute(db)
    await sql`
      insert into conversations (id, type, created_by, created_at, last_activity_at)
      values (${conversationId}, 'group', ${userId}, now(), now())`.execute(db)
    await sql`
      insert into participants (conversation_id, user_id, role, joined_at, joined_seq, last_read_seq, last_delivered_seq)
      values (${conversationId}, ${userId}, 'admin', now(), 0, 0, 0)`.execute(db)
    const key = await openContentKeys().active(db)
    let attaching = true
    const send = async () => {
      let last = 0
      while (attaching) {
        const message = { id: newId(systemClock), conversationId, senderId: userId, content: 'Hi', metadata: null }
        last = (await insertMessage(db, key, { ...message, type: 'text' }, new Date())).seq
      }
      return last
    }
    const sending = Promise.all([send(), send(), send()])
    const inFourMonths = new Date(Date.now() + 120 * 24 * 60 * 60 * 1000).toISOString()
    const attached = await attach(db, inFourMonths, 'week').finally(() => {
      attaching = false
    })
    const sent = Math.max(...(await sending))
    expect(attached.length).toBeGreaterThan(10)
    expect(sent).toBeGreaterThan(0)
    const { rows } = await sql<{ count: number }>`select count(*) from messages`.execute(db)
    expect(rows).toEqual([{ count: sent }])
  })

  test('are attached in the end when something else holds messages for longer than they wait', async () => {
    await using db = await withoutPartitions()
    const attaching = await db.transaction().execute(async trx => {
      await sql`lock table messages in share update exclusive mode`.execute(trx)
      const waiting = { partitions: attach(db, '2026-03-15T00:00:00Z') }
      await delay(2_300)
      return waiting
    })
    expect(bounds(await attaching.partitions)).toHaveLength(4)
    expectNoGap(await listPartitions(db))
  })
})
