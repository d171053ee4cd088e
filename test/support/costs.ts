import type { Cluster } from 'ioredis'
import type { Kysely, KyselyPlugin } from 'kysely'
import type { Database } from '../../shared/database/schema.ts'

/** What is written to Redis while something runs: each write is a round trip. */
export const redisWritesDuring = async (redis: Cluster, work: () => Promise<unknown>): Promise<string[]> => {
  const [node] = redis.nodes('master')
  const { stream } = node as unknown as { stream: { write: (...args: unknown[]) => boolean } }
  const write = stream.write
  const writes: string[] = []
  stream.write = (...args) => {
    writes.push(String(args[0]))
    return write.apply(stream, args)
  }
  try {
    await work()
  } finally {
    stream.write = write
  }
  return writes
}

/** The same database; counts the statements that are sent to it. */
export const countingStatements = (db: Kysely<Database>): { db: Kysely<Database>; statements: number } => {
  const counter = { db, statements: 0 }
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      counter.statements += 1
      return node
    },
    transformResult: async ({ result }) => result,
  }
  counter.db = db.withPlugin(plugin)
  return counter
}
