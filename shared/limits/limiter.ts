import type { Cluster } from 'ioredis'
import QuickLRU from 'quick-lru'
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js'
import RateLimiterRedis from 'rate-limiter-flexible/lib/RateLimiterRedis.js'
import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js'
import { logger } from '../platform/logger.ts'
import { inOneRoundTrip, type RoundTrip } from '../redis/round-trip.ts'

/** What a count has come to. */
export interface Count {
  /** Within the minute that began with the first. */
  consumed: number
  /** Until that minute is over; 0 within the limit. */
  retryAfterSeconds: number
}

export interface Limiter {
  /**
   * Counts one more, on a round trip that is made anyway or on one of its own. Never rejects: while Redis does not answer, this
   * process counts by itself.
   */
  count(key: string, trip?: RoundTrip): Promise<Count>
}

const minute = 60

/** How many keys a process counts by itself. Those who were not heard of for longest are forgotten: they begin anew. */
export const mostKeysInMemory = 10_000

/** What a limiter asks of Redis goes with the commands of others. */
const clientOn = (trip: RoundTrip) => {
  let script = ''
  return {
    defineCommand: (_name: string, { lua }: { lua: string }) => {
      script = lua
    },
    rlflxIncr: async ([key = '', ...values]: string[]) => {
      const [reply] = await trip.add(pipeline => pipeline.eval(script, 1, key, ...values))
      return reply
    },
  }
}

/** The library rejects what is past the limit. */
const resultOf = async (consumption: Promise<RateLimiterRes>): Promise<RateLimiterRes> => {
  try {
    return await consumption
  } catch (error) {
    if (error instanceof RateLimiterRes) return error
    throw error
  }
}

/** @param points How many are within the limit each minute. */
export const createLimiter = (redis: Cluster, { name, points }: { name: string; points: number }): Limiter => {
  const options = { keyPrefix: name, points, duration: minute }
  const memory = new RateLimiterMemory(options)
  const inMemory = new QuickLRU<string, true>({
    maxSize: mostKeysInMemory,
    onEviction: key => void memory.delete(key),
  })
  const onRedis = (key: string) => (trip: RoundTrip) =>
    new RateLimiterRedis({ ...options, storeClient: clientOn(trip) }).consume(`{${key}}`)
  const countHere = (key: string): Promise<RateLimiterRes> => {
    inMemory.set(key, true)
    return resultOf(memory.consume(key))
  }
  return {
    count: async (key, trip) => {
      const counting = trip ? onRedis(key)(trip) : inOneRoundTrip(redis, onRedis(key))
      const { consumedPoints, msBeforeNext } = await resultOf(counting).catch(error => {
        logger.warn('A limit was counted without Redis', error)
        return countHere(key)
      })
      const isOver = consumedPoints > points
      return { consumed: consumedPoints, retryAfterSeconds: isOver ? Math.max(1, Math.ceil(msBeforeNext / 1_000)) : 0 }
    },
  }
}

/** For a limit that is switched off. */
export const unlimited: Limiter = { count: async () => ({ consumed: 0, retryAfterSeconds: 0 }) }
