import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { sql } from 'kysely'
import { keys } from '../../../shared/redis/keys.ts'
import { messagesOf } from '../../support/stored-messages.ts'
import type { HostedStack } from './hosted.ts'

const pollMs = 5_000
/** What `ttl` answers of a key without one. */
const noEnd = -1

/** What a stack holds for nobody, when nobody is there. */
export interface Remainder {
  sockets: number
  /** Users with connections that Redis knows of. */
  registered: number
  /** Keys of Redis without a time to live; the sweep gives buckets theirs. */
  endless: number
  redisMb: number
  redisClients: number
  postgresBackends: number
  /** Resident. */
  hostMb: number
  /** What is alive in all its threads. */
  heapMb: number
}

const numberIn = (info: string, name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])

const look = async (stack: HostedStack): Promise<Remainder> => {
  const redis = new Redis(stack.redis.url, { lazyConnect: true })
  const store = await messagesOf(stack)
  try {
    await redis.connect()
    const all = new Set<string>()
    for await (const some of redis.scanStream({ count: 1_000 })) for (const key of some as string[]) all.add(key)
    const names = [...all]
    const lives = await Promise.all(names.map(name => redis.ttl(name)))
    const [ofConnections = ''] = keys.connections('').split('}')
    const info = await redis.info()
    const { rows } = await sql<{ backends: number }>`
      select count(*)::int as backends from pg_stat_activity where backend_type = 'client backend'`.execute(store.db)
    const state = await stack.state({ measureHeap: true })
    return {
      sockets: state?.connections ?? Number.NaN,
      registered: names.filter(name => name.startsWith(ofConnections)).length,
      endless: lives.filter(life => life === noEnd).length,
      redisMb: numberIn(info, 'used_memory') / 2 ** 20,
      redisClients: numberIn(info, 'connected_clients') - 1,
      postgresBackends: (rows[0]?.backends ?? Number.NaN) - 1,
      hostMb: state?.residentMb ?? Number.NaN,
      heapMb: state?.heapMb ?? Number.NaN,
    }
  } finally {
    redis.disconnect()
    await store.db.destroy()
  }
}

/** Looks until what is left is right, or the patience is over. */
export const lookUntil = async (
  stack: HostedStack,
  patienceMs: number,
  isRight: (remainder: Remainder) => boolean,
): Promise<Remainder> => {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const remainder = await look(stack)
    if (isRight(remainder) || performance.now() > deadline) return remainder
    await delay(pollMs)
  }
}
