import { Redis } from 'ioredis'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../shared/database/schema.ts'

/** Everything that is in the tables of a database, as bytes. */
export const dumpDatabase = async (db: Kysely<Database>): Promise<Buffer> => {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace`.execute(db)
  const parts: Buffer[] = []
  for (const { name } of tables) {
    const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(name)}`.execute(db)
    for (const value of rows.flatMap(row => Object.values(row))) {
      parts.push(Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)))
    }
  }
  return Buffer.concat(parts)
}

const readers: Record<string, (redis: Redis, key: string) => Promise<unknown>> = {
  string: (redis, key) => redis.get(key),
  hash: (redis, key) => redis.hgetall(key),
  set: (redis, key) => redis.smembers(key),
  zset: (redis, key) => redis.zrange(key, '0', '-1'),
  // What has expired meanwhile.
  none: async () => undefined,
}

const readKey = async (redis: Redis, key: string): Promise<unknown> => {
  const type = await redis.type(key)
  const read = readers[type]
  if (!read) throw new Error(`${key} is a ${type}, which is not looked into`)
  return [key, await read(redis, key)]
}

const connectTimeoutMs = 10_000

/**
 * Every key and value of a Redis, as JSON. One node holds all slots, so a plain client sees all of it; and one with more patience
 * than the service has, because a busy machine is no reason to fail here.
 */
export const dumpRedis = async (redisUrl: string): Promise<Buffer> => {
  const redis = new Redis(redisUrl, { connectTimeout: connectTimeoutMs })
  try {
    const entries: unknown[] = []
    for await (const keys of redis.scanStream({ count: 1_000 })) {
      entries.push(...(await Promise.all((keys as string[]).map(key => readKey(redis, key)))))
    }
    return Buffer.from(JSON.stringify(entries))
  } finally {
    redis.disconnect()
  }
}
