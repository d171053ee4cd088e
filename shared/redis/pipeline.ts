import type { ChainableCommander, Cluster } from 'ioredis'
import { callRedis } from './call.ts'

/**
 * Runs a pipeline, one round trip, and gives its replies, or fails as a whole with `store_unavailable`. Keys of several users
 * go in one pipeline although they lie in different slots: the serverless cache, as the local one, shows one endpoint that
 * holds all slots.
 */
export const runPipeline = async (pipeline: ChainableCommander): Promise<unknown[]> => {
  // ioredis has it there, and does not say so in its types.
  const { redis } = pipeline as unknown as { redis: Cluster }
  return callRedis(redis, async () => {
    const replies = (await pipeline.exec()) ?? []
    return replies.map(([error, reply]) => {
      if (error) throw error
      return reply
    })
  })
}
