import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../shared/database/schema.ts'
import { insertMessage } from '../../shared/messages/messages.repository.ts'
import {
  attachPartitions,
  dropPartition,
  listPartitions,
  type Partition,
  PartitionConfig,
} from '../../shared/messages/partitions.ts'
import { idTime, newId } from '../../shared/platform/ids.ts'
import { openContentKeys } from '../support/content-keys.ts'
import { fillHistory, type MessageHistory } from '../support/message-history.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'

const day = 24 * 60 * 60 * 1000
const always = () => true

let original: OwnDatabase
let history: MessageHistory
let database: OwnDatabase | undefined
beforeAll(async () => {
  original = await createOwnDatabase()
  history = await fillHistory(original.db, { messages: 1_200, days: 120, conversations: 4 })
}, 30_000)
afterEach(async () => {
  await database?.close()
  database = undefined
})
afterAll(() => original.close())

const open = async (): Promise<Kysely<Database>> => {
  database = await original.copy()
  return database.db
}
const at = (time: Date) => ({ now: () => time })
const later = (days: number) => new Date(history.end.getTime() + days * day)
const contentKeys = openContentKeys()
const send = async (db: Kysely<Database>, time: Date) => {
  const [conversationId = '', senderId = ''] = [history.conversationIds[0], history.userIds[0]]
  const message = { id: newId(at(time)), conversationId, senderId, type: 'text' as const, content: 'x', metadata: null }
  return insertMessage(db, await contentKeys.active(db), message, time)
}
/** Sends one after the other until told to stop; resolves to how many there were, rejects with the first that failed. */
const keepSending = (db: Kysely<Database>) => {
  let stopped = false
  const sent = (async () => {
    let count = 0
    for (; !stopped; count += 1) await send(db, history.end)
    return count
  })()
  return {
    stop: () => {
      stopped = true
      return sent
    },
  }
}
/** A transaction that has read all of `messages` and stays open, as a slow statement would. */
const reading = async (db: Kysely<Database>) => {
  const reader = await db.startTransaction().execute()
  await reader.selectFrom('messages').select('id').limit(1).execute()
  return { end: () => reader.commit().execute() }
}
const haveNoGap = (partitions: readonly Partition[]) =>
  partitions.every(({ from }, index) => index === 0 || from.getTime() === partitions[index - 1]?.to.getTime())

describe('partitions are attached', () => {
  test.each(['month', 'week', 'day'] as const)('for three months ahead, each a %s, without a gap', async span => {
    const db = await open()
    const now = later(200)
    const known = await listPartitions(db)
    const attached = await attachPartitions({ db, clock: at(now) }, span)
    expect(attached.length).toBeGreaterThan(1)
    const partitions = await listPartitions(db)
    expect(partitions).toEqual([...known, ...attached])
    expect(haveNoGap(partitions)).toBe(true)
    const inThreeMonths = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 3, now.getUTCDate())
    expect(partitions.at(-1)?.to.getTime()).toBeGreaterThan(inThreeMonths)
    const longest = Math.max(...attached.map(({ from, to }) => (to.getTime() - from.getTime()) / day))
    expect(longest).toBe({ month: 31, week: 7, day: 1 }[span])
    expect(await attachPartitions({ db, clock: at(now) }, span)).toEqual([])
  })

  test('while a transaction that reads and writes messages stays open', async () => {
    const db = await open()
    const writer = await db.startTransaction().execute()
    await send(writer, history.end)
    expect(await attachPartitions({ db, clock: at(later(40)) })).toHaveLength(1)
    await writer.commit().execute()
  })

  test.each(['months', '30', 'hour'])('by a span that is configured, which can not be %s', value => {
    expect(PartitionConfig.safeParse({ MESSAGE_PARTITION_SPAN: value }).success).toBe(false)
  })
})

describe('a partition is dropped', () => {
  test('with what it holds, and nothing else', async () => {
    const db = await open()
    const partitions = await listPartitions(db)
    const ids = async () => (await db.selectFrom('messages').select('id').orderBy('id').execute()).map(({ id }) => id)
    const before = await ids()
    const liesIn = ({ from, to }: Partition, id: string) => idTime(id) >= from.getTime() && idTime(id) < to.getTime()
    // Which of them hold something depends on the day: on the first of a month there is one more before the history begins.
    const dropped = partitions.find(partition => before.some(id => liesIn(partition, id)))
    const lies = (id: string) => dropped !== undefined && liesIn(dropped, id)
    expect(before.some(lies)).toBe(true)
    expect(await dropPartition(db, dropped?.name ?? '', always)).toBe(true)
    expect(await listPartitions(db)).toEqual(partitions.filter(({ name }) => name !== dropped?.name))
    expect(await ids()).toEqual(before.filter(id => !lies(id)))
    expect(await dropPartition(db, dropped?.name ?? '', always)).toBe(false)
  })

  test('once, when two do it at the same time', async () => {
    const db = await open()
    const [{ name } = { name: '' }] = await listPartitions(db)
    const answers = await Promise.all([1, 2, 3].map(() => dropPartition(db, name, always)))
    expect(answers.filter(Boolean)).toHaveLength(1)
    expect((await listPartitions(db)).map(partition => partition.name)).not.toContain(name)
  })

  test('when those who read it have ended, while sends and new readers go on', async () => {
    const db = await open()
    const [{ name } = { name: '' }] = await listPartitions(db)
    const reader = await reading(db)
    let dropped = false
    const dropping = dropPartition(db, name, always).then(() => {
      dropped = true
    })
    try {
      const sending = keepSending(db)
      for (let isDetaching = false; !isDetaching; await delay(20)) {
        const { rows } = await sql<{ n: number }>`
          select count(*) as n from pg_inherits where inhdetachpending`.execute(db)
        isDetaching = rows[0]?.n === 1
      }
      for (let i = 0; i < 20; i += 1) await send(db, history.end)
      await db.selectFrom('messages').selectAll().where('seq', '=', 1).execute()
      expect(await sending.stop()).toBeGreaterThan(0)
      expect(dropped).toBe(false)
    } finally {
      await reader.end()
    }
    await dropping
    expect((await listPartitions(db)).map(partition => partition.name)).not.toContain(name)
  })
})
