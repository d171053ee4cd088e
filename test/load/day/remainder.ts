import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { sql } from 'kysely'
import { keys } from '../../../shared/redis/keys.ts'
import { messagesOf } from '../../support/stored-messages.ts'
import type { HostedStack } from './hosted.ts'

const pollMs = 1_000

/** What a stack holds for nobody, when nobody is there. */
export interface Remainder {
  sockets: number
  /** Users with connections that Redis knows of. */
  registered: number
  redisMb: number
  redisClients: number
  postgresBackends: number
  hostMb: number
}

const numberIn = (info: string, name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])

const look = async (stack: HostedStack): Promise<Remainder> => {
  const redis = new Redis(stack.redis.url, { lazyConnect: true })
  const store = await messagesOf(stack)
  try {
    await redis.connect()
    const users = new Set<string>()
    for await (const some of redis.scanStream({ match: keys.connections('*'), count: 1_000 })) {
      for (const key of some as string[]) users.add(key)
    }
    const info = await redis.info()
    const { rows } = await sql<{ backends: number }>`
      select count(*)::int as backends from pg_stat_activity where backend_type = 'client backend'`.execute(store.db)
    const state = await stack.state()
    return {
      sockets: state?.connections ?? Number.NaN,
      registered: users.size,
      redisMb: numberIn(info, 'used_memory') / 2 ** 20,
      redisClients: numberIn(info, 'connected_clients') - 1,
      postgresBackends: (rows[0]?.backends ?? Number.NaN) - 1,
      hostMb: state?.residentMb ?? Number.NaN,
    }
  } finally {
    redis.disconnect()
    await store.db.destroy()
  }
}

/** Looks until neither the gateway nor Redis knows of a connection, or the patience is over. */
export const untilNothingRemains = async (stack: HostedStack, patienceMs: number): Promise<Remainder> => {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const remainder = await look(stack)
    if ((remainder.sockets === 0 && remainder.registered === 0) || performance.now() > deadline) return remainder
    await delay(pollMs)
  }
}
