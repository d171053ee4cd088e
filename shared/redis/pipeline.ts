import type { ChainableCommander } from 'ioredis'
import { Problem } from '../platform/problems.ts'

export const redisUnavailable = (cause: unknown): never => {
  throw new Problem('store_unavailable', 'Redis is not available. Try again.', { retryAfterSeconds: 2, cause })
}

/**
 * Runs a pipeline, one round trip, and gives its replies, or fails as a whole with `store_unavailable`. Keys of several users
 * go in one pipeline although they lie in different slots: the serverless cache, as the local one, shows one endpoint that
 * holds all slots.
 */
export const runPipeline = async (pipeline: ChainableCommander): Promise<unknown[]> => {
  const replies = (await pipeline.exec().catch(redisUnavailable)) ?? []
  return replies.map(([error, reply]) => (error ? redisUnavailable(error) : reply))
}
