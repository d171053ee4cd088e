/**
 * Retention on 1,000,000 messages of 120 days: checks what must be gone and that all else is as it was, and measures how long
 * sends take with and without the job running. Sends come at a fixed rate, so that a slow one does not hide those that would
 * have followed it. Rounds without and with the job take turns; in each the job's time moves on, so that there is something
 * to purge. Runs for about a minute.
 *
 * `DATABASE_URL`: an empty database to use instead of a Postgres of its own. `MESSAGES`: how many instead of 1,000,000.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { startPostgres } from '../../infra/local/stores/postgres.ts'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { openDatabase } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import { insertMessage } from '../../shared/messages/messages.repository.ts'
import { retentionDays } from '../../shared/messages/retention.ts'
import { applyRetention, type RetentionReport } from '../../shared/messages/retention-job.ts'
import { newId } from '../../shared/platform/ids.ts'
import { migrateToLatest, openContentKeys } from '../support/content-keys.ts'
import { fillHistory, type MessageHistory } from '../support/message-history.ts'
import { median, percentile } from './bench/statistics.ts'

const dayMs = 24 * 60 * 60 * 1000
const messages = Number(process.env.MESSAGES ?? 1_000_000)
const conversations = 1_000
const sendsPerSecond = 300
const rounds = 5
/** Between rounds: as much comes of age as in a first run. */
const daysBetween = 19
const quietRoundMs = 3_000
/** Of one run of the job. */
const longestRunMs = 60_000
/** Of everything. */
const longestMs = 5 * 60_000

const open = (url: string, connections: number): Kysely<Database> =>
  openDatabase(
    DatabaseConfig.parse({
      DATABASE_URL: url,
      DATABASE_POOL_MAX: String(connections),
      DATABASE_STATEMENTS: 'named',
    }),
  )

const ownPostgres = async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kaha-chat-retention-'))
  const options = { directory: join(directory, 'postgres'), logFile: join(directory, 'postgres.log') }
  const postgres = await startPostgres({ ...options, log: text => console.log(`Postgres: ${text}`) })
  const stop = async () => {
    await postgres.stop()
    await rm(directory, { recursive: true, force: true })
  }
  return { url: postgres.url, stop }
}

interface Latency {
  sends: number
  p50: number
  p99: number
  max: number
}

/** Sends at the fixed rate while the work goes on; each send's time counts from the moment at which it was due. */
const latencyDuring = async (
  db: Kysely<Database>,
  { conversationIds, userIds, end }: MessageHistory,
  work: Promise<unknown>,
): Promise<Latency> => {
  const key = await openContentKeys().active(db)
  let working = true
  const worked = work.finally(() => {
    working = false
  })
  const times: number[] = []
  const sends: Promise<void>[] = []
  const startedAt = performance.now()
  for (let number = 0; working; number += 1) {
    const due = startedAt + (number * 1_000) / sendsPerSecond
    await delay(Math.max(0, due - performance.now()))
    const now = new Date(end.getTime() + performance.now() - startedAt)
    const message = {
      id: newId({ now: () => now }),
      conversationId: conversationIds[number % conversationIds.length] ?? '',
      senderId: userIds[number % 2] ?? '',
      type: 'text' as const,
      content: 'A message of an ordinary length, as people send them to each other.',
      metadata: null,
    }
    sends.push(insertMessage(db, key, message, now).then(() => void times.push(performance.now() - due)))
  }
  await Promise.all(sends)
  await worked
  return {
    sends: times.length,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: percentile(times, 1),
  }
}

/** Of the messages that were there before any was sent. */
const fingerprint = async (db: Kysely<Database>, end: Date, isDue: boolean) => {
  const { rows } = await sql<{ rows: number; content: string }>`
    select count(*) as rows, coalesce(sum(hashtextextended(messages::text, 0)), 0)::text as content
    from messages
    where seq <= ${messages / conversations} and (
      sent_at <= ${end}::timestamptz - interval '97 days'
      or coalesce(deleted_at <= ${end}::timestamptz - interval '7 days', false)
    ) = ${isDue}`.execute(db)
  return rows[0] ?? { rows: 0, content: '' }
}

const check = (holds: boolean, what: string): void => {
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${what}`)
  if (!holds) process.exitCode = 1
}

const show = (name: string, { sends, p50, p99, max }: Latency): void =>
  console.log(`${name}: ${sends} sends, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`)

const measure = async (url: string): Promise<void> => {
  await migrateToLatest(url)
  const [sender, job] = [open(url, 20), open(url, 2)]
  try {
    const found = await sender.selectFrom('messages').select('id').limit(1).execute()
    if (found.length > 0) throw new Error('DATABASE_URL names a database that holds messages: this needs an empty one')
    console.log(`Filling ${messages.toLocaleString('en')} messages of 120 days`)
    const history = await fillHistory(sender, { messages, days: 120, conversations })
    await sql`vacuum messages`.execute(job)
    const runAt = (now: Date, dryRun = false): Promise<RetentionReport> => {
      const startedAt = performance.now()
      const hasTime = () => performance.now() - startedAt < longestRunMs
      return applyRetention({ db: job, days: retentionDays, span: 'month' }, { now, dryRun, hasTime })
    }

    const [due, others] = [await fingerprint(job, history.end, true), await fingerprint(job, history.end, false)]
    const forecast = await runAt(history.end, true)
    check(forecast.purged + forecast.deletionsPurged === due.rows, `the dry run counts ${due.rows} messages`)
    const quiet: Latency[] = []
    const busy: Latency[] = []
    for (let round = 0; round < rounds; round += 1) {
      const now = new Date(history.end.getTime() + round * daysBetween * dayMs)
      quiet.push(await latencyDuring(sender, history, delay(quietRoundMs)))
      const startedAt = performance.now()
      const running = runAt(now)
      busy.push(await latencyDuring(sender, history, running))
      const { purged, deletionsPurged, dropped, finished } = await running
      const seconds = (performance.now() - startedAt) / 1_000
      console.log(
        `Round ${round + 1}: ${purged} and ${deletionsPurged} purged, ${dropped.length} dropped, ${seconds.toFixed(1)} s`,
      )
      check(finished, 'the run did all that was due')
      if (round === 0) {
        check(purged === forecast.purged && deletionsPurged === forecast.deletionsPurged, 'as the dry run had told')
        const [left, kept] = [await fingerprint(job, now, true), await fingerprint(job, now, false)]
        check(left.rows === 0, 'none past 97 days, none deleted over 7 days ago is stored')
        check(kept.rows === others.rows && kept.content === others.content, `the other ${others.rows} are as they were`)
      }
      for (const [name, latency] of [
        ['  without', quiet.at(-1)],
        ['  with   ', busy.at(-1)],
      ] as const) {
        if (latency) show(name, latency)
      }
    }
    const [without, with_] = [quiet, busy].map(each => median(each.map(({ p99 }) => p99)))
    console.log(
      `p99 of sends, median of ${rounds} rounds: ${without?.toFixed(1)} ms without the job, ${with_?.toFixed(1)} ms with it`,
    )
    console.log(`Ratio: ${((with_ ?? 0) / (without ?? 1)).toFixed(2)}`)
  } finally {
    await Promise.all([sender.destroy(), job.destroy()])
  }
}

const main = async (): Promise<void> => {
  const postgres = process.env.DATABASE_URL
    ? { url: process.env.DATABASE_URL, stop: async () => {} }
    : await ownPostgres()
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`Ended by ${signal}`)))
    setTimeout(() => reject(new Error(`Not done within ${longestMs / 1_000} s`)), longestMs).unref()
  })
  try {
    await Promise.race([measure(postgres.url), interrupted])
  } finally {
    await postgres.stop()
  }
}

main().then(
  () => process.exit(),
  (error: Error) => {
    console.error(error.message)
    process.exit(1)
  },
)
