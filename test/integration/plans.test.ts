import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from 'kysely'
import pg from 'pg'
import type { Database } from '../../shared/database/schema.ts'
import { findMessages, findNewest, findUnread } from '../../shared/messages/messages.repository.ts'
import { visibleSince } from '../../shared/messages/retention.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'

/** What a repository would ask, without asking it. */
const statementOf = async (ask: (db: Kysely<Database>) => Promise<unknown>): Promise<string> => {
  const asked: CompiledQuery[] = []
  const db = new Kysely<Database>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: known => new PostgresIntrospector(known),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    log: ({ query }) => {
      asked.push(query)
    },
  })
  await ask(db)
  const [only] = asked
  if (!only || asked.length > 1) throw new Error(`Asked ${asked.length} statements instead of one`)
  return only.sql
}

let database: OwnDatabase
let server: pg.Client

/** Enough for an index by time to look cheap: 100 conversations of 200 messages. */
beforeAll(async () => {
  database = await createOwnDatabase()
  await sql`
    insert into messages (id, conversation_id, seq, sender_id, type, key_id, body, sent_at)
    select uuidv7(), md5((n % 100)::text)::uuid, n / 100, ${randomUUID()}::uuid, 'text', 1, '\\x00', now()
    from generate_series(1, 20000) n`.execute(database.db)
  await sql`analyze messages`.execute(database.db)
  server = new pg.Client({ connectionString: database.url, query_timeout: 10_000 })
  await server.connect()
})
afterAll(async () => {
  await server.end()
  await database.close()
})

/** As Postgres makes it once for any values. */
const planOf = async (statement: string): Promise<string> => {
  const { rows } = await server.query(`explain (generic_plan) ${statement}`)
  return rows.map(row => row['QUERY PLAN']).join('\n')
}

describe('messages that are found by their conversation', () => {
  const since = visibleSince(new Date())
  const scope = { userId: randomUUID(), conversationIds: [randomUUID()] }
  const range = { conversationId: randomUUID(), above: 0, direction: 'desc' as const, limit: 51 }

  test.each<[string, (db: Kysely<Database>) => Promise<unknown>]>([
    ['those that are unread', db => findUnread(db, scope, since)],
    ['the newest', db => findNewest(db, scope, since)],
    ['a page', db => findMessages(db, range, since)],
  ])('%s: the index by time is not asked', async (_, ask) => {
    const plan = await planOf(await statementOf(ask))
    expect(plan).toContain('conversation_id_seq_idx')
    expect(plan).not.toContain('sent_at_idx')
  })

  test('a plain comparison would ask it', async () => {
    const statement = await statementOf(db => findUnread(db, scope, since))
    const plain = statement.replace(/\(("messages"\."sent_at" > \$\d+::timestamptz)\) is true/, '$1')
    expect(plain).not.toBe(statement)
    expect(await planOf(plain)).toContain('sent_at_idx')
  })
})
