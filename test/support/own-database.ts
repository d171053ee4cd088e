import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import pg from 'pg'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { openDatabase } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import { migrateToLatest } from './content-keys.ts'

/** For tests of what concerns all messages: a database that no other test writes to. */
export interface OwnDatabase {
  readonly url: string
  readonly db: Kysely<Database>
  /** A database with the same content. Nobody may be connected to this one but through `db`, which connects anew afterwards. */
  copy(): Promise<OwnDatabase>
  /** Ends the connections and removes the database. */
  close(): Promise<void>
}

/** The administrator of the test server has the same password as the service, which may not make databases. */
const asAdministrator = async (run: (client: pg.Client, owner: string) => Promise<void>): Promise<void> => {
  const url = new URL(process.env.TEST_DATABASE_URL ?? '')
  const owner = url.username
  url.username = 'postgres'
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href, query_timeout: 30_000 })
  await client.connect()
  try {
    await run(client, client.escapeIdentifier(owner))
  } finally {
    await client.end()
  }
}

const open = (name: string): OwnDatabase => {
  const url = new URL(process.env.TEST_DATABASE_URL ?? '')
  url.pathname = `/${name}`
  const connect = () =>
    openDatabase(
      DatabaseConfig.parse({ DATABASE_URL: url.href, DATABASE_POOL_MAX: '20', DATABASE_STATEMENTS: 'named' }),
    )
  let db = connect()
  return {
    url: url.href,
    get db() {
      return db
    },
    copy: async () => {
      await db.destroy()
      const copied = await create(name)
      db = connect()
      return copied
    },
    close: async () => {
      await db.destroy()
      await asAdministrator(async client => void (await client.query(`drop database ${name} with (force)`)))
    },
  }
}

const create = async (template?: string): Promise<OwnDatabase> => {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await asAdministrator(async (client, owner) => {
    await client.query(`create database ${name} owner ${owner} ${template ? `template ${template}` : ''}`)
  })
  return open(name)
}

/** Empty, with the newest schema. */
export const createOwnDatabase = async (): Promise<OwnDatabase> => {
  const database = await create()
  await migrateToLatest(database.url)
  return database
}
