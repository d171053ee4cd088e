/**
 * What the caches of conversation lists and of pages of history save: for one read the time, the CPU time of Postgres (on Linux
 * only), of this process and of Redis, and the statements; without the cache, with everything kept, with one conversation of the
 * list changed, and with nothing kept. Prepared statements, and such as a proxy takes. Runs for about three minutes; the median of
 * several rounds is shown, in which the variants take turns.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { v7 } from 'uuid'
import { startPostgres } from '../../infra/local/stores/postgres.ts'
import { startRedis } from '../../infra/local/stores/redis.ts'
import { listOwnConversations } from '../../shared/conversations/conversations.ts'
import { createListCache } from '../../shared/conversations/list-cache.ts'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { openDatabase } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import { createSwitchboard } from '../../shared/delivery/switchboard.ts'
import { sealBody } from '../../shared/messages/message-body.ts'
import { readHistory } from '../../shared/messages/messages.ts'
import { createPageCache } from '../../shared/messages/page-cache.ts'
import { attachPartitions } from '../../shared/messages/partitions.ts'
import { placeholders } from '../../shared/profiles/profiles.ts'
import { createDeliveredPositions } from '../../shared/receipts/delivered.ts'
import { openRedis } from '../../shared/redis/connection.ts'
import { keys } from '../../shared/redis/keys.ts'
import { migrateToLatest, openContentKeys } from '../support/content-keys.ts'
import { countingStatements } from '../support/costs.ts'
import { recordingPush } from '../support/recording-push.ts'
import { median } from './bench/statistics.ts'

const conversations = 120
const messagesEach = 200
const days = 80
const dayMs = 24 * 60 * 60 * 1000
const rounds = 7
const readsPerRound = 40

const directory = await mkdtemp(join(tmpdir(), 'kaha-chat-caches-'))
const store = (name: string, start: typeof startPostgres) =>
  start({ directory: join(directory, name), logFile: join(directory, `${name}.log`), log: () => {} })
const [postgres, redisServer] = await Promise.all([store('postgres', startPostgres), store('redis', startRedis)])

const open = (statements: 'named' | 'unnamed'): Kysely<Database> =>
  openDatabase(
    DatabaseConfig.parse({
      DATABASE_URL: postgres.url,
      DATABASE_POOL_MAX: '4',
      DATABASE_STATEMENTS: statements,
    }),
  )

const redis = openRedis({ REDIS_URL: redisServer.url })
const start = new Date()
/** Reads stand at the end of what was sent. */
const clock = { now: () => new Date(start.getTime() + days * dayMs) }
const contentKeys = openContentKeys()
const [reader = '', ...others] = Array.from({ length: 40 }, () => v7())
const conversationIds = Array.from({ length: conversations }, () => v7())

/** Groups of four, each with as many messages, sent evenly over the time; the reader has read all of them. */
const fill = async (db: Kysely<Database>): Promise<void> => {
  for (let day = 0; day <= days; day += 20) {
    await attachPartitions({ db, clock: { now: () => new Date(start.getTime() + day * dayMs) } })
  }
  await sql`insert into users (id, created_at) select unnest(${[reader, ...others]}::uuid[]), ${start}`.execute(db)
  await sql`
    insert into conversations (id, type, created_by, created_at, last_activity_at)
    select unnest(${conversationIds}::uuid[]), 'group', ${reader}::uuid, ${start}, ${start}`.execute(db)
  const { id: keyId, key } = await contentKeys.active(db)
  for (const [index, conversationId] of conversationIds.entries()) {
    const members = [reader, ...Array.from({ length: 3 }, (_, n) => others[(index + n) % others.length] ?? '')]
    await sql`
      insert into participants (conversation_id, user_id, role, joined_at, joined_seq, last_read_seq, last_delivered_seq)
      select ${conversationId}::uuid, member, 'member', ${start}, 0, 0, 0 from unnest(${members}::uuid[]) member`.execute(
      db,
    )
    const messages = Array.from({ length: messagesEach }, (_, n) => {
      const at = new Date(start.getTime() + ((n + 1) * days * dayMs) / (messagesEach + 1) + index)
      const id = v7({ msecs: at.getTime() })
      const content = 'A message of an ordinary length, as people send them to each other.'
      return { id, at, body: sealBody(key, { id, conversation_id: conversationId }, { content, metadata: null }) }
    })
    await sql`
      select send_message(id, ${conversationId}::uuid, ${members[1]}::uuid, 'text', ${keyId}::int, body, at)
      from unnest(
        ${messages.map(({ id }) => id)}::uuid[], ${messages.map(({ body }) => body)}::bytea[],
        ${messages.map(({ at }) => at)}::timestamptz[]
      ) as sealed (id, body, at)`.execute(db)
  }
  await sql`analyze`.execute(db)
}

const leaveUnread = (db: Kysely<Database>, count: number) =>
  sql`update participants set last_read_seq = ${messagesEach - count}, changed_xid = pg_current_xact_id()
    where user_id = ${reader}::uuid`.execute(db)

/** Of all connections of the database, in milliseconds; undefined where Linux does not tell. */
const postgresCpu = async (admin: Kysely<Database>): Promise<number | undefined> => {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(admin)
  try {
    const stats = await Promise.all(rows.map(({ pid }) => readFile(`/proc/${pid}/schedstat`, 'utf8')))
    return stats.reduce((total, text) => total + Number(text.split(' ')[0]) / 1_000_000, 0)
  } catch {
    return undefined
  }
}

const redisCpu = async (): Promise<number> => {
  const [node] = redis.nodes('master')
  const info = (await node?.info('cpu')) ?? ''
  const seconds = Array.from(info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm), match => Number(match[1]))
  return seconds.reduce((total, each) => total + each, 0) * 1_000
}

interface Cost {
  ms: number
  postgresMs: number
  nodeMs: number
  redisMs: number
  statements: number
}

interface Variant {
  name: string
  /** Before each read, not measured. */
  prepare?: () => Promise<unknown>
  read: () => Promise<unknown>
  statements: () => number
}

/** What one read costs, on average over a round. */
const costOf = async (admin: Kysely<Database>, { prepare, read, statements }: Variant): Promise<Cost> => {
  const total = { ms: 0, postgresMs: 0, nodeMs: 0, redisMs: 0, statements: 0 }
  for (let n = 0; n < readsPerRound; n += 1) {
    await prepare?.()
    const before = [await postgresCpu(admin), await redisCpu(), statements()] as const
    const cpu = process.cpuUsage()
    const startedAt = performance.now()
    await read()
    total.ms += performance.now() - startedAt
    const { user, system } = process.cpuUsage(cpu)
    total.nodeMs += (user + system) / 1_000
    const after = [await postgresCpu(admin), await redisCpu(), statements()] as const
    total.postgresMs += (after[0] ?? 0) - (before[0] ?? 0)
    total.redisMs += after[1] - before[1]
    total.statements += after[2] - before[2]
  }
  const each = (sum: number) => sum / readsPerRound
  return {
    ms: each(total.ms),
    postgresMs: each(total.postgresMs),
    nodeMs: each(total.nodeMs),
    redisMs: each(total.redisMs),
    statements: each(total.statements),
  }
}

const compare = async (admin: Kysely<Database>, title: string, variants: readonly Variant[]): Promise<void> => {
  for (const variant of variants) for (let n = 0; n < 3; n += 1) await variant.read()
  const costs = new Map<string, Cost[]>(variants.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const variant of variants) costs.get(variant.name)?.push(await costOf(admin, variant))
  }
  console.log(`\n${title}`)
  for (const [name, measured] of costs) {
    const of = (part: keyof Cost) => median(measured.map(cost => cost[part]))
    const cpu = `CPU: Postgres ${of('postgresMs').toFixed(2)}, here ${of('nodeMs').toFixed(2)}, Redis ${of('redisMs').toFixed(2)} ms`
    console.log(
      `  ${name.padEnd(22)} ${of('ms').toFixed(1).padStart(5)} ms   ${cpu}   ${of('statements').toFixed(0)} statements`,
    )
  }
}

const measureAll = async (): Promise<void> => {
  await migrateToLatest(postgres.url)
  const admin = open('named')
  console.log(`Filling ${conversations * messagesEach} messages`)
  await fill(admin)
  await admin.destroy()
  for (const statements of ['named', 'unnamed'] as const) {
    const [pool, admin] = [
      open(statements),
      openDatabase(DatabaseConfig.parse({ DATABASE_URL: postgres.url, DATABASE_POOL_MAX: '1' })),
    ]
    const counter = countingStatements(pool)
    const deps = {
      db: counter.db,
      contentKeys,
      clock,
      profiles: placeholders,
      delivered: createDeliveredPositions(redis),
      switchboard: createSwitchboard(redis),
      push: recordingPush(),
      audit: { record: async () => {} },
    }
    const [listCache, pageCache] = [createListCache(redis, 300), createPageCache(redis, 60)]
    const counted = { statements: () => counter.statements }

    for (const [unread, limit] of [
      [0, 20],
      [5, 20],
      [200, 20],
      [5, 100],
    ] as const) {
      await leaveUnread(admin, unread)
      const list = (cache: typeof listCache | null) => () =>
        listOwnConversations({ ...deps, listCache: cache }, reader, { limit })
      const touchOne = () =>
        sql`update conversations set last_seq = last_seq where id = ${conversationIds.at(-1)}::uuid`.execute(admin)
      await compare(admin, `A list of ${limit}, ${unread} unread in each; ${statements} statements`, [
        { name: 'without', read: list(null), ...counted },
        { name: 'all kept', read: list(listCache), ...counted },
        { name: 'one changed', prepare: touchOne, read: list(listCache), ...counted },
        { name: 'nothing kept', prepare: () => redis.del(keys.list(reader)), read: list(listCache), ...counted },
      ])
    }

    const conversationId = conversationIds[0] ?? ''
    const page = (cache: typeof pageCache | null) => () =>
      readHistory({ ...deps, pageCache: cache }, { caller: { id: reader }, conversationId, limit: 50 })
    const touch = () =>
      sql`update conversations set last_seq = last_seq where id = ${conversationId}::uuid`.execute(admin)
    await compare(admin, `A page of 50; ${statements} statements`, [
      { name: 'without', read: page(null), ...counted },
      { name: 'kept', read: page(pageCache), ...counted },
      { name: 'not kept', prepare: touch, read: page(pageCache), ...counted },
    ])
    await Promise.all([pool.destroy(), admin.destroy()])
  }
}

try {
  await measureAll()
} finally {
  redis.disconnect()
  await Promise.all([postgres.stop(), redisServer.stop()])
  await rm(directory, { recursive: true, force: true })
}
process.exit()
