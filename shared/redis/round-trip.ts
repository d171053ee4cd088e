import type { ChainableCommander, Cluster } from 'ioredis'
import { runPipeline } from './pipeline.ts'

/** Commands of several owners that go to Redis together. */
export interface RoundTrip {
  /** Resolves to the replies to these commands. Rejects with `store_unavailable`, and when the round trip was made already. */
  add(commands: (pipeline: ChainableCommander) => void): Promise<unknown[]>
}

/** Makes whatever the work adds before it first waits into one pipeline: see `runPipeline`. Nothing added costs nothing. */
export const inOneRoundTrip = <Result>(redis: Cluster, work: (trip: RoundTrip) => Promise<Result>): Promise<Result> => {
  const pipeline = redis.pipeline()
  const { promise: replies, resolve } = Promise.withResolvers<unknown[]>()
  let isMade = false
  const result = work({
    add: async commands => {
      if (isMade) throw new Error('The round trip was made before this was added')
      const first = pipeline.length
      commands(pipeline)
      const end = pipeline.length
      return (await replies).slice(first, end)
    },
  })
  isMade = true
  resolve(pipeline.length > 0 ? runPipeline(pipeline) : [])
  return result
}
