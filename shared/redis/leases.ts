import { randomUUID } from 'node:crypto'
import type { Cluster } from 'ioredis'
import { callRedis } from './call.ts'
import { keys } from './keys.ts'

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
  const release = async () => {
    await callRedis(redis, () => redis.eval(releaseScript, 1, key, holder))
  }
  const taken = await callRedis(redis, () => redis.set(key, holder, 'PX', milliseconds, 'NX')).catch(async error => {
    // Only the answer may have come too late: then nobody would hold the lease, and nobody could take it.
    await release().catch(() => {})
    throw error
  })
  if (taken !== 'OK') return null
  return {
    renew: async () => (await callRedis(redis, () => redis.eval(renewScript, 1, key, holder, milliseconds))) === 1,
    release,
  }
}

/** Notes that something was done; true for the first who says so within the time. */
export const markDone = async (redis: Cluster, name: string, milliseconds: number): Promise<boolean> =>
  (await callRedis(redis, () => redis.set(keys.done(name), '1', 'PX', milliseconds, 'NX'))) === 'OK'

export const isDone = async (redis: Cluster, name: string): Promise<boolean> =>
  (await callRedis(redis, () => redis.exists(keys.done(name)))) === 1
