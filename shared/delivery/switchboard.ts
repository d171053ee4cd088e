import type { Cluster } from 'ioredis'
import { Problem } from '../platform/problems.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { keys, timeToLive } from '../redis/keys.ts'

export interface Connection {
  id: string
  userId: string
  /** Milliseconds since 1970, by the gateway's clock. */
  connectedAt: number
}

/**
 * Who is connected where. Each method is one round trip to Redis and rejects with `store_unavailable` when Redis does not
 * answer; what it holds can be lost at any time.
 */
export interface Switchboard {
  /** Repeating it changes nothing but how long the entry lives. */
  register(connection: Connection): Promise<void>
  /** Removing what is not there is fine. */
  remove(connections: readonly Pick<Connection, 'id' | 'userId'>[]): Promise<void>
  /** The connections of all these users, in no order; some may be dead already. */
  connectionsOf(userIds: readonly string[]): Promise<Connection[]>
  /** Whether Redis answers. */
  ping(): Promise<void>
}

const unavailable = (cause: unknown): never => {
  throw new Problem('store_unavailable', 'Redis is not available. Try again.', { retryAfterSeconds: 2, cause })
}

/**
 * Runs a pipeline and gives its replies, or fails as a whole. Several users' keys go in one pipeline although they lie in
 * different slots: the serverless cache, as the local one, shows one endpoint that holds all slots.
 */
const runPipeline = async (pipeline: ReturnType<Cluster['pipeline']>): Promise<unknown[]> => {
  const replies = (await pipeline.exec().catch(unavailable)) ?? []
  return replies.map(([error, reply]) => (error ? unavailable(error) : reply))
}

export const createSwitchboard = (redis: Cluster): Switchboard => ({
  register: async ({ id, userId, connectedAt }) => {
    const key = keys.connections(userId)
    await runPipeline(redis.pipeline().hset(key, id, connectedAt).expire(key, timeToLive.connections))
  },
  remove: async connections => {
    if (connections.length === 0) return
    const pipeline = redis.pipeline()
    for (const { id, userId } of connections) pipeline.hdel(keys.connections(userId), id)
    await runPipeline(pipeline)
  },
  connectionsOf: async userIds => {
    if (userIds.length === 0) return []
    const pipeline = redis.pipeline()
    for (const userId of userIds) pipeline.hgetall(keys.connections(userId))
    const replies = (await runPipeline(pipeline)) as Record<string, string>[]
    return replies.flatMap((reply, index) =>
      Object.entries(reply).map(([id, connectedAt]) => ({
        id,
        userId: userIds[index] ?? '',
        connectedAt: Number(connectedAt),
      })),
    )
  },
  ping: async () => {
    // `PING` has no key, so the cluster client could send it to any node; a read of a key goes where the data is.
    await redis.exists(keys.connections('health')).catch(unavailable)
  },
})

export const switchboardFromEnvironment = (): Switchboard => createSwitchboard(redisFromEnvironment())
