import { randomUUID } from 'node:crypto'
import type { Cluster } from 'ioredis'
import { keys } from './keys.ts'
import { redisUnavailable } from './pipeline.ts'

/** Deletes or prolongs a lease only for the one who holds it. */
const releaseScript = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
const renewScript =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0"

export interface Lease {
  /** False when it ran out meanwhile, and somebody else may have it. */
  renew(): Promise<boolean>
  release(): Promise<void>
}

/**
 * The right to do something alone for a while; null while somebody else has it. Not a lock to protect data: it runs out by
 * itself, and Redis may lose it. Rejects with `store_unavailable`.
 */
export const takeLease = async (redis: Cluster, name: string, milliseconds: number): Promise<Lease | null> => {
  const key = keys.lease(name)
  const holder = randomUUID()
  const taken = await redis.set(key, holder, 'PX', milliseconds, 'NX').catch(redisUnavailable)
  if (taken !== 'OK') return null
  return {
    renew: async () => (await redis.eval(renewScript, 1, key, holder, milliseconds).catch(redisUnavailable)) === 1,
    release: async () => {
      await redis.eval(releaseScript, 1, key, holder).catch(redisUnavailable)
    },
  }
}

/** Notes that something was done; true for the first who says so within the time. */
export const markDone = async (redis: Cluster, name: string, milliseconds: number): Promise<boolean> =>
  (await redis.set(keys.done(name), '1', 'PX', milliseconds, 'NX').catch(redisUnavailable)) === 'OK'

export const isDone = async (redis: Cluster, name: string): Promise<boolean> =>
  (await redis.exists(keys.done(name)).catch(redisUnavailable)) === 1
