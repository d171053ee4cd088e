import type { Cluster } from 'ioredis'
import { allBuckets } from './keys.ts'
import { runPipeline } from './pipeline.ts'

/** A sorted set that is split into buckets, by times (ms). */
export interface BucketedSet {
  keyOf: (bucket: number) => string
  /** Seconds. */
  timeToLive: number
}

/**
 * The buckets in which one of these sets has something whose time has come, and a new life for all of them. One round trip: most
 * buckets have nothing most of the time.
 */
export const dueBuckets = async (redis: Cluster, sets: readonly BucketedSet[], until: Date): Promise<number[]> => {
  const pipeline = redis.pipeline()
  for (const bucket of allBuckets) {
    for (const { keyOf, timeToLive } of sets) {
      pipeline.zcount(keyOf(bucket), '-inf', until.getTime()).expire(keyOf(bucket), timeToLive)
    }
  }
  const replies = await runPipeline(pipeline)
  const perBucket = sets.length * 2
  return allBuckets.filter(bucket => sets.some((_, index) => Number(replies[bucket * perBucket + index * 2]) > 0))
}
