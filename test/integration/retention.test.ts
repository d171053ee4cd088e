import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type Kysely, sql } from 'kysely'
import { createHandler } from '../../functions/schedule/retention.ts'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { openDatabase } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import type { MessagePage } from '../../shared/messages/messages.schema.ts'
import { dropPartition, listOutgoing, listPartitions } from '../../shared/messages/partitions.ts'
import { RetentionConfig } from '../../shared/messages/retention.config.ts'
import { retentionDays } from '../../shared/messages/retention.ts'
import { lowestIdAt } from '../../shared/platform/ids.ts'
import { lambdaContext } from '../support/lambda.ts'
import { logged } from '../support/logged.ts'
import { fillHistory, type MessageHistory } from '../support/message-history.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'
import { openWorld } from '../support/world.ts'

const day = 24 * 60 * 60 * 1000
const daysBefore = (time: Date, days: number, milliseconds = 0) => new Date(time.getTime() - days * day - milliseconds)

const opened: OwnDatabase[] = []
const opening = async (database: Promise<OwnDatabase>): Promise<OwnDatabase> => {
  opened.push(await database)
  return database
}
const closeAll = async () => {
  for (const database of opened.splice(0).reverse()) await database.close()
}

/** The scheduled function, as it stands at that time. */
const functionAt = (db: Kysely<Database>, now: Date, days = retentionDays) => {
  const handler = createHandler({ db, days, span: 'month', clock: { now: () => now } })
  return (event: unknown = {}, context = lambdaContext()) => handler(event, context)
}

/** A context whose time is up after it has been asked so often. */
const contextFor = (questions: number) => {
  let left = questions
  return { ...lambdaContext(), getRemainingTimeInMillis: () => (left-- > 0 ? 60_000 : 9_000) }
}

interface Fingerprint {
  messages: number
  content: string
}

/** Of all rows that meet the condition, with everything that is in them. */
const fingerprint = async (db: Kysely<Database>, condition = sql<boolean>`true`): Promise<Fingerprint> => {
  const { rows } = await sql<Fingerprint>`
    select count(*) as messages, coalesce(sum(hashtextextended(messages::text, 0)), 0)::text as content
    from messages where ${condition}`.execute(db)
  const [found] = rows
  if (!found) throw new Error('No answer')
  return found
}

/** Written down anew here: what the contract says may no longer be stored. */
const isDue = ({ end }: MessageHistory) =>
  sql<boolean>`(sent_at <= ${end}::timestamptz - interval '97 days'
    or coalesce(deleted_at <= ${end}::timestamptz - interval '7 days', false))`

const tablesOf = async (db: Kysely<Database>): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class where relkind in ('r', 'p') and relname like 'messages%' order by 1`.execute(
    db,
  )
  return rows.map(row => row.name)
}

describe('on messages of 120 days, the retention job', () => {
  let original: OwnDatabase
  let history: MessageHistory
  let remaining: Fingerprint
  let expected: { purged: number; deletionsPurged: number }

  beforeAll(async () => {
    original = await createOwnDatabase()
    history = await fillHistory(original.db, { messages: 100_000, days: 120, conversations: 20 })
    remaining = await fingerprint(original.db, sql`not ${isDue(history)}`)
    const { messages: due } = await fingerprint(original.db, isDue(history))
    const past = sql<boolean>`sent_at <= ${daysBefore(history.end, 97)}`
    const { messages: purged } = await fingerprint(original.db, past)
    expected = { purged, deletionsPurged: due - purged }
    expect(expected.purged).toBeGreaterThan(19_000)
    expect(expected.deletionsPurged).toBeGreaterThan(3_000)
  }, 60_000)
  afterEach(closeAll)
  afterAll(() => original.close())

  test('leaves nothing that is past 97 days or was deleted over 7 days ago, and everything else as it was', async () => {
    const { db } = await opening(original.copy())
    const report = await functionAt(db, history.end)()
    expect(report).toMatchObject({ ...expected, finished: true })
    expect((await fingerprint(db, isDue(history))).messages).toBe(0)
    expect(await fingerprint(db)).toEqual(remaining)
  })

  test('drops the partitions in which everything is past, and no other', async () => {
    const { db } = await opening(original.copy())
    const partitions = await listPartitions(db)
    const past = partitions.filter(({ to }) => to.getTime() + day <= daysBefore(history.end, 97).getTime())
    expect(past.length).toBeGreaterThan(0)
    const report = await functionAt(db, history.end)()
    expect(report.dropped).toEqual(past.map(({ name }) => name))
    expect(await tablesOf(db)).toEqual(['messages', ...partitions.slice(past.length).map(({ name }) => name)])
  })

  test('leaves to readers exactly what is younger than 90 days and not deleted over 7 days ago', async () => {
    const { db, url } = await opening(original.copy())
    const visible = sql<boolean>`conversation_id = ${history.conversationIds[0]} and not ${isDue(history)}
      and sent_at > ${daysBefore(history.end, 90)}`
    const { rows } = await sql<{ seq: number }>`select seq from messages where ${visible} order by seq`.execute(db)
    const before90Days = rows[0]?.seq ?? 0
    expect(rows.length).toBeGreaterThan(1_000)
    expect(before90Days).toBeGreaterThan(1)
    const testDatabaseUrl = process.env.TEST_DATABASE_URL ?? ''
    process.env.TEST_DATABASE_URL = url
    const world = await openWorld()
    process.env.TEST_DATABASE_URL = testDatabaseUrl
    try {
      world.clock.set(history.end)
      const readAll = async () => {
        const seqs: number[] = []
        for (let hasMore = true; hasMore; ) {
          const query = `after=${seqs.at(-1) ?? 0}&limit=100`
          const request = `GET /conversations/${history.conversationIds[0]}/messages?${query}`
          const { body } = await world.http<MessagePage>(history.userIds[1], request)
          seqs.push(...body.items.map(message => message.seq))
          hasMore = body.hasMore
        }
        return seqs
      }
      // The job's own time stands still, the world's goes on: a page may lose the message that comes of age meanwhile.
      const seqs = rows.map(row => row.seq).slice(2)
      expect((await readAll()).filter(seq => seq >= (seqs[0] ?? 0))).toEqual(seqs)
      await functionAt(db, history.end)()
      const seen = await readAll()
      expect(seen.filter(seq => seq >= (seqs[0] ?? 0))).toEqual(seqs)
      expect(seen[0]).toBeGreaterThanOrEqual(before90Days)
    } finally {
      await world.close()
    }
  })

  test('ends the same when it is stopped again and again half way', async () => {
    const { db } = await opening(original.copy())
    const run = functionAt(db, history.end)
    const reports: Awaited<ReturnType<typeof run>>[] = []
    do reports.push(await run({}, contextFor(18)))
    while (!reports.at(-1)?.finished && reports.length < 100)
    expect(reports.length).toBeGreaterThan(2)
    expect(reports.at(-1)?.finished).toBe(true)
    const sum = (of: 'purged' | 'deletionsPurged') => reports.reduce((total, report) => total + report[of], 0)
    expect({ purged: sum('purged'), deletionsPurged: sum('deletionsPurged') }).toEqual(expected)
    expect(await fingerprint(db)).toEqual(remaining)
    expect(await run()).toMatchObject({ dropped: [], purged: 0, deletionsPurged: 0, finished: true })
  })

  test('starts nothing when the time is nearly up', async () => {
    const { db } = await opening(original.copy())
    const everything = await fingerprint(db)
    const report = await functionAt(db, history.end)({}, contextFor(0))
    expect(report).toMatchObject({ dropped: [], purged: 0, deletionsPurged: 0, finished: false })
    expect(await fingerprint(db)).toEqual(everything)
  })

  test('ends the same when it runs twice at once, and each run counts its own work', async () => {
    const { db } = await opening(original.copy())
    const run = functionAt(db, history.end)
    const reports = await Promise.all([run(), run()])
    expect(reports.every(report => report.finished)).toBe(true)
    const dropped = reports.flatMap(report => report.dropped)
    expect(new Set(dropped).size).toBe(dropped.length)
    const sum = (of: 'purged' | 'deletionsPurged') => reports.reduce((total, report) => total + report[of], 0)
    expect({ purged: sum('purged'), deletionsPurged: sum('deletionsPurged') }).toEqual(expected)
    expect(await fingerprint(db)).toEqual(remaining)
  })

  test('changes nothing in a dry run, and tells the very counts that a run then has', async () => {
    const { db } = await opening(original.copy())
    const [everything, tables] = [await fingerprint(db), await tablesOf(db)]
    const later = { now: new Date(history.end.getTime() + 31 * day).toISOString() }
    const run = functionAt(db, history.end)
    const forecasts = [await run({ dryRun: true }), await run({ ...later, dryRun: true })]
    expect(await fingerprint(db)).toEqual(everything)
    expect(await tablesOf(db)).toEqual(tables)
    const [now, then] = forecasts
    expect(now).toMatchObject({ ...expected, attached: [], finished: true })
    expect(then?.attached).not.toEqual([])
    expect(then?.purged).toBeGreaterThan(40_000)
    expect(await run(later)).toEqual({ ...then, dryRun: false })
    expect(await run({ ...later, dryRun: true })).toMatchObject({ attached: [], dropped: [], purged: 0 })
  })
})

describe('the retention job', () => {
  let original: OwnDatabase
  let history: MessageHistory
  beforeAll(async () => {
    original = await createOwnDatabase()
    history = await fillHistory(original.db, { messages: 12_000, days: 120, conversations: 20 })
  }, 60_000)
  afterEach(closeAll)
  afterAll(() => original.close())

  const store = async (db: Kysely<Database>, times: { mintedAt?: Date; sentAt: Date; deletedAt?: Date }) => {
    const { mintedAt = times.sentAt, sentAt, deletedAt = null } = times
    const id = lowestIdAt(mintedAt).replace('-0000-0000-000000000000', `-7${randomUUID().slice(15)}`)
    const [conversation_id = '', sender_id = ''] = [history.conversationIds[0], history.userIds[0]]
    const row = { id, conversation_id, sender_id, seq: 1_000_000, type: 'text' as const, content: null, metadata: null }
    await db
      .insertInto('messages')
      .values({ ...row, sent_at: sentAt, deleted_at: deletedAt })
      .execute()
    return id
  }
  const isStored = async (db: Kysely<Database>, id: string) =>
    (await db.selectFrom('messages').select('id').where('id', '=', id).execute()).length === 1

  test('goes by days to the millisecond: 97 after sending, 7 after deleting', async () => {
    const { db } = await opening(original.copy())
    const { end } = history
    const gone = [
      await store(db, { sentAt: daysBefore(end, 97) }),
      await store(db, { sentAt: daysBefore(end, 50), deletedAt: daysBefore(end, 7) }),
      await store(db, { sentAt: daysBefore(end, 97), mintedAt: daysBefore(end, 98) }),
      await store(db, { sentAt: daysBefore(end, 97), mintedAt: daysBefore(end, 97, -5 * 60 * 1000 + 1) }),
    ]
    const kept = [
      await store(db, { sentAt: daysBefore(end, 97, -1) }),
      await store(db, { sentAt: daysBefore(end, 50), deletedAt: daysBefore(end, 7, -1) }),
      await store(db, { sentAt: daysBefore(end, 97, -1), mintedAt: daysBefore(end, 98, -1) }),
    ]
    await functionAt(db, end)()
    expect(await Promise.all(gone.map(id => isStored(db, id)))).toEqual(gone.map(() => false))
    expect(await Promise.all(kept.map(id => isStored(db, id)))).toEqual(kept.map(() => true))
  })

  test('goes by the days that are configured, but shows a deletion for 7 days whatever they are', async () => {
    const { db } = await opening(original.copy())
    const { end } = history
    const ids = [
      await store(db, { sentAt: daysBefore(end, 12) }),
      await store(db, { sentAt: daysBefore(end, 12, -1) }),
      await store(db, { sentAt: daysBefore(end, 8), deletedAt: daysBefore(end, 7, -1) }),
    ]
    await functionAt(db, end, { ...retentionDays, visible: 10, audit: 2 })()
    expect(await Promise.all(ids.map(id => isStored(db, id)))).toEqual([false, true, true])
  })

  test.each(['7776000', '7776000000', '90d', '-1', '0.5', '1e2'])('refuses %s as a number of days', value => {
    const faultOf = (variable: string) =>
      RetentionConfig.safeParse({ [variable]: value }).error?.issues.map(issue => issue.path)
    expect(faultOf('RETENTION_DAYS')).toEqual([['RETENTION_DAYS']])
    expect(faultOf('RETENTION_AUDIT_DAYS')).toEqual([['RETENTION_AUDIT_DAYS']])
  })

  test('takes 90 days and 7 more where nothing is configured', () => {
    expect(RetentionConfig.parse({})).toEqual({ RETENTION_DAYS: 90, RETENTION_AUDIT_DAYS: 7 })
  })

  test.each([
    [{ dryrun: true }],
    [{ now: 1_800_000_000 }],
    [{ now: 1_800_000_000_000 }],
    [{ now: 'tomorrow' }],
    [{ dryRun: 'true' }],
  ])('refuses %j and changes nothing', async event => {
    const { db } = await opening(original.copy())
    const everything = await fingerprint(db)
    await logged(() => expect(functionAt(db, history.end)(event)).rejects.toThrow('validation_failed'))
    expect(await fingerprint(db)).toEqual(everything)
  })

  test('tells in one line what it did, every time, also when that is nothing', async () => {
    const { db } = await opening(original.copy())
    const run = functionAt(db, history.end)
    const lines = await logged(async () => {
      await run()
      await run()
    })
    const [first, second, ...others] = lines.filter(line => line.message === 'Retention is done')
    expect(first).toMatchObject({ level: 'INFO', partitionsAhead: 3, finished: true, now: history.end.toISOString() })
    expect(first?.purged).toBeGreaterThan(2_000)
    expect(first?.deletionsPurged).toBeGreaterThan(300)
    expect(first?.dropped).not.toEqual([])
    expect(second).toMatchObject({ level: 'INFO', dropped: [], purged: 0, deletionsPurged: 0, finished: true })
    expect(others).toEqual([])
  })

  test('measures how many partitions there are ahead, but not in a dry run', async () => {
    const { db } = await opening(original.copy())
    const run = functionAt(db, history.end)
    const lines = await logged(async () => {
      await run()
      await run({ dryRun: true })
    })
    const measured = lines.filter(line => '_aws' in line)
    expect(measured).toMatchObject([
      { PartitionsAhead: 3, _aws: { CloudWatchMetrics: [{ Metrics: [{ Name: 'PartitionsAhead', Unit: 'Count' }] }] } },
    ])
  })

  test('tells a failure and throws it, so that it is tried again', async () => {
    const { db } = await opening(original.copy())
    await sql`alter table messages rename to elsewhere`.execute(db)
    const lines = await logged(() => expect(functionAt(db, history.end)()).rejects.toThrow('messages'))
    expect(lines).toMatchObject([{ level: 'ERROR', message: 'Retention failed' }])
  })

  test('keeps a partition that holds anything younger than its range says', async () => {
    const { db } = await opening(original.copy())
    const [oldest] = await listPartitions(db)
    const id = await store(db, { mintedAt: oldest?.from ?? new Date(), sentAt: daysBefore(history.end, 1) })
    const report = await functionAt(db, history.end)()
    expect(report.finished).toBe(true)
    expect(report.dropped).not.toContain(oldest?.name)
    expect(report.dropped).not.toEqual([])
    expect(await isStored(db, id)).toBe(true)
  })

  test('ends what a run before it left half detached', async () => {
    const { db, url } = await opening(original.copy())
    const everything = await fingerprint(db)
    const due = await fingerprint(db, isDue(history))
    await sql`alter database ${sql.id(new URL(url).pathname.slice(1))} set statement_timeout = '300ms'`.execute(db)
    const impatient = openDatabase(DatabaseConfig.parse({ DATABASE_URL: url }))
    const [name = ''] = (await functionAt(db, history.end)({ dryRun: true })).dropped
    const reader = await db.startTransaction().execute()
    try {
      await reader.selectFrom('messages').select('id').limit(1).execute()
      await expect(dropPartition(impatient, name, () => false)).rejects.toThrow('store_unavailable')
    } finally {
      await impatient.destroy()
      await reader.commit().execute()
    }
    expect(await listOutgoing(db)).toEqual([name])
    const report = await functionAt(db, history.end)()
    expect(report.dropped).toContain(name)
    expect(report.purged + report.deletionsPurged).toBe(due.messages)
    expect((await fingerprint(db)).messages).toBe(everything.messages - due.messages)
    expect(await listOutgoing(db)).toEqual([])
    expect(await tablesOf(db)).not.toContain(name)
  })

  test('drops later what is detached but still needed by somebody, and purges the rest meanwhile', async () => {
    const { db } = await opening(original.copy())
    const run = functionAt(db, history.end)
    const forecast = await run({ dryRun: true })
    const [name = ''] = forecast.dropped
    await sql`create view archive as select * from ${sql.table(name)}`.execute(db)
    const lines = await logged(async () => {
      expect(await run()).toMatchObject({ finished: false, deletionsPurged: forecast.deletionsPurged })
    })
    expect(lines).toContainEqual(expect.objectContaining({ level: 'WARN', partition: name }))
    expect((await fingerprint(db, isDue(history))).messages).toBe(0)
    await sql`drop view archive`.execute(db)
    expect(await run()).toMatchObject({ finished: true, dropped: [name] })
    expect(await tablesOf(db)).not.toContain(name)
  })
})
