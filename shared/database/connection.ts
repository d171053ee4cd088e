import { createHash } from 'node:crypto'
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import QuickLRU from 'quick-lru'
import { closeAtEnd } from '../platform/closing.ts'
import { readConfig } from '../platform/config.ts'
import { logger } from '../platform/logger.ts'
import { DatabaseConfig } from './config.ts'
import { databasePassword, databaseTls } from './credentials.ts'
import { databaseProblem } from './errors.ts'
import type { Database } from './schema.ts'

const connectTimeoutMs = 3_000
/** The server's own `statement_timeout` (8 s) comes first; this one is for a server that no longer answers. */
const queryTimeoutMs = 9_000
const int8 = 20
/**
 * One plan for each prepared statement, made without its values. Left to itself Postgres plans most of ours anew each time, for a few
 * percent by its own reckoning, and that takes longer than their execution (docs/decisions/0028).
 */
const plansForAnyValues = '-c plan_cache_mode=force_generic_plan'

const openPool = (config: DatabaseConfig): pg.Pool => {
  const url = new URL(config.DATABASE_URL)
  const pool = new pg.Pool({
    host: url.hostname,
    port: Number(url.port || 5432),
    database: url.pathname.slice(1),
    user: decodeURIComponent(url.username),
    password: databasePassword(config),
    ssl: databaseTls(config),
    max: config.DATABASE_POOL_MAX,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    keepAlive: true,
    ...(config.DATABASE_STATEMENTS === 'named' && { options: plansForAnyValues }),
    application_name: process.env.AWS_LAMBDA_FUNCTION_NAME ?? 'kaha-chat',
    types: {
      getTypeParser: (oid: number) => (oid === int8 ? Number : pg.types.getTypeParser(oid)),
    },
  })
  // A socket that died while the environment was frozen is reported here; unheard, it would end the process.
  pool.on('error', error => logger.warn('An idle database connection was lost', error))
  // Of one that is in use the pool does not hear; its next statement fails, which is told by whoever makes it.
  pool.on('connect', client => client.on('error', () => {}))
  return pool
}

const statementNames = new QuickLRU<string, string>({ maxSize: 1_000 })
const statementName = (text: string): string => {
  const known = statementNames.get(text)
  if (known) return known
  const name = createHash('sha1').update(text).digest('base64url')
  statementNames.set(text, name)
  return name
}

/**
 * The pool as Kysely uses it. Three things are added: statements are prepared under the hash of their text where the
 * configuration says so (lists go in as one array parameter, so there are few texts); a connection whose server stopped
 * answering is thrown away instead of given to the next request; and a database that can't be reached is the problem
 * `store_unavailable` wherever it shows.
 */
const kyselyPool = (pool: pg.Pool, statements: DatabaseConfig['DATABASE_STATEMENTS']): PostgresPool => {
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  const wrap = (client: pg.PoolClient): PostgresPoolClient => {
    let broken = false
    const query = async (text: string, values: readonly unknown[]) => {
      const named = statements === 'named' && values.length > 0
      try {
        return await client.query({ text, values: [...values], ...(named && { name: statementName(text) }) })
      } catch (error) {
        broken ||= error instanceof Error && error.message === 'Query read timeout'
        throw databaseProblem(error)
      }
    }
    return { query, release: () => client.release(broken) } as unknown as PostgresPoolClient
  }
  return {
    options: pool.options,
    end: () => pool.end(),
    connect: async () => {
      const client = await pool.connect().catch(error => {
        throw databaseProblem(error)
      })
      const known = clients.get(client) ?? wrap(client)
      clients.set(client, known)
      return known
    },
  }
}

/** Connects when first used. `destroy()` ends it. */
export const openDatabase = (config: DatabaseConfig): Kysely<Database> =>
  new Kysely<Database>({
    dialect: new PostgresDialect({ pool: kyselyPool(openPool(config), config.DATABASE_STATEMENTS) }),
  })

export const databaseFromEnvironment = (): Kysely<Database> => {
  const db = openDatabase(readConfig(DatabaseConfig))
  closeAtEnd(() => db.destroy())
  return db
}
