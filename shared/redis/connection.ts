import { Cluster } from 'ioredis'
import * as z from 'zod/mini'
import { closeAtEnd } from '../platform/closing.ts'
import { readConfig } from '../platform/config.ts'
import { logger } from '../platform/logger.ts'

export const RedisConfig = z.object({ REDIS_URL: z.string().check(z.url({ protocol: /^rediss?$/ })) })
export type RedisConfig = z.output<typeof RedisConfig>

const connectTimeoutMs = 1_000
const longestReconnectDelayMs = 2_000

const backOff = (attempt: number): number => Math.random() * Math.min(50 * 2 ** attempt, longestReconnectDelayMs)

/**
 * Connects when first used. Always in cluster mode, as ElastiCache Serverless is. A connection that is lost is made anew, and a command
 * that met the loss is sent once more; how long an answer may take is up to `callRedis`.
 */
export const openRedis = (config: RedisConfig): Cluster => {
  const url = new URL(config.REDIS_URL)
  const cluster = new Cluster([{ host: url.hostname, port: Number(url.port || 6379) }], {
    // The certificate names the host, so the name must reach TLS unresolved.
    dnsLookup: (address, callback) => callback(null, address),
    redisOptions: {
      connectTimeout: connectTimeoutMs,
      maxRetriesPerRequest: 1,
      ...(url.protocol === 'rediss:' && { tls: {} }),
    },
    maxRedirections: 3,
    slotsRefreshTimeout: 2_000,
    clusterRetryStrategy: backOff,
    lazyConnect: true,
  })
  cluster.on('error', error => logger.warn('Redis is not reachable', error))
  return cluster
}

let shared: Cluster | undefined

/** The one connection of this environment: whoever asks gets the same. */
export const redisFromEnvironment = (): Cluster => {
  if (shared) return shared
  const redis = openRedis(readConfig(RedisConfig))
  closeAtEnd(async () => redis.disconnect())
  shared = redis
  return redis
}
