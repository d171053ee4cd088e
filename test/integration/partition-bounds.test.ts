import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../shared/database/schema.ts'
import {
  attachPartitions,
  listPartitions,
  type Partition,
  type PartitionSpan,
} from '../../shared/messages/partitions.ts'
import { lowestIdAt } from '../../shared/platform/ids.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'

let database: OwnDatabase
let db: Kysely<Database>
beforeEach(async () => {
  database = await createOwnDatabase()
  db = database.db
  for (const { name } of await listPartitions(db)) await sql`drop table ${sql.table(name)}`.execute(db)
})
afterEach(() => database.close())

const attach = (now: string, span?: PartitionSpan) =>
  attachPartitions({ db, clock: { now: () => new Date(now) } }, span)

const bounds = (partitions: readonly Partition[]) =>
  partitions.map(({ from, to }) => [from, to].map(time => time.toISOString().slice(0, 10)).join(' to '))

const expectNoGap = (partitions: readonly Partition[]): void => {
  for (const [index, { from }] of partitions.slice(1).entries()) expect(from).toEqual(partitions[index]?.to)
}

/** Where a message with this id comes to lie. */
const partitionOf = async (id: string): Promise<string | undefined> => {
  const { rows } = await sql<{ name: string }>`
    insert into messages (id, conversation_id, seq, sender_id, type, sent_at)
    values (${id}, ${randomUUID()}, 1, ${randomUUID()}, 'text', now())
    returning tableoid::regclass::text as name`.execute(db)
  return rows[0]?.name
}
const lastIdBefore = (time: Date) =>
  lowestIdAt(new Date(time.getTime() - 1)).replace('-0000-0000-000000000000', '-7fff-bfff-ffffffffffff')

describe('partitions of messages', () => {
  test('reach from yesterday to three months ahead', async () => {
    await attach('2026-03-01T06:00:00Z')
    expect(bounds(await listPartitions(db))).toEqual([
      '2026-02-01 to 2026-03-01',
      '2026-03-01 to 2026-04-01',
      '2026-04-01 to 2026-05-01',
      '2026-05-01 to 2026-06-01',
      '2026-06-01 to 2026-07-01',
    ])
  })

  test('are attached as time goes on, a missing one at a time, and across the end of a year', async () => {
    await attach('2026-11-15T00:00:00Z')
    expect(bounds(await attach('2026-11-30T23:59:59Z'))).toEqual(['2027-03-01 to 2027-04-01'])
    expect(await attach('2026-11-30T23:59:59Z')).toEqual([])
    expect(bounds(await attach('2027-02-01T00:00:00Z'))).toEqual([
      '2027-04-01 to 2027-05-01',
      '2027-05-01 to 2027-06-01',
    ])
    expectNoGap(await listPartitions(db))
  })

  test('leave no gap and no overlap when their span changes', async () => {
    await attach('2026-01-20T00:00:00Z', 'month')
    const weeks = await attach('2026-02-20T00:00:00Z', 'week')
    expect(bounds(weeks)).toEqual([
      '2026-05-01 to 2026-05-04',
      '2026-05-04 to 2026-05-11',
      '2026-05-11 to 2026-05-18',
      '2026-05-18 to 2026-05-25',
    ])
    const days = await attach('2026-02-27T00:00:00Z', 'day')
    expect(bounds(days)).toEqual(['2026-05-25 to 2026-05-26', '2026-05-26 to 2026-05-27', '2026-05-27 to 2026-05-28'])
    const months = await attach('2026-03-05T00:00:00Z', 'month')
    expect(bounds(months)).toEqual(['2026-05-28 to 2026-06-01', '2026-06-01 to 2026-07-01'])
    expectNoGap(await listPartitions(db))
  })

  test('take the first and the last id of their time, and no other', async () => {
    await attach('2026-03-15T00:00:00Z')
    const partitions = await listPartitions(db)
    for (const { name, from, to } of partitions) {
      expect(await partitionOf(lowestIdAt(from))).toBe(name)
      expect(await partitionOf(lastIdBefore(to))).toBe(name)
    }
    const [first, last] = [partitions[0]?.from ?? new Date(0), partitions.at(-1)?.to ?? new Date(0)]
    for (const id of [lastIdBefore(first), lowestIdAt(last)]) {
      await expect(partitionOf(id)).rejects.toMatchObject({ code: '23514' })
    }
  })

  test('are attached once by several who do it at the same time', async () => {
    const attached = await Promise.all(Array.from({ length: 5 }, () => attach('2026-03-15T00:00:00Z', 'week')))
    const partitions = await listPartitions(db)
    expect(
      attached
        .flat()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(partitions.map(({ name }) => name).sort())
    expectNoGap(partitions)
  })

  test('are attached in the end when something else holds messages for longer than they wait', async () => {
    const attaching = await db.transaction().execute(async trx => {
      await sql`lock table messages in share update exclusive mode`.execute(trx)
      const waiting = { partitions: attach('2026-03-15T00:00:00Z') }
      await delay(2_300)
      return waiting
    })
    expect(bounds(await attaching.partitions)).toHaveLength(4)
    expectNoGap(await listPartitions(db))
  })
})
