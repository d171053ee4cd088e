import type { ChainableCommander, Cluster } from 'ioredis'
import { presenceFromEnvironment } from '../presence/presence.config.ts'
import { type PresenceSettings, presenceSettings } from '../presence/settings.ts'
import { callRedis } from '../redis/call.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { bucketOf, keys, timeToLive } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import { inOneRoundTrip, type RoundTrip } from '../redis/round-trip.ts'

export interface Connection {
  id: string
  /** Whom it was found for: its user, or the business that its user manages. */
  userId: string
  /** The business that its user manages. */
  businessId?: string | undefined
  /** Milliseconds since 1970, by the gateway's clock. */
  connectedAt: number
}

/** A message that has just been committed, to be brought to its recipients. */
export interface Routing {
  conversationId: string
  seq: number
  senderId: string
  /** Everybody who is to hear of it, the sender among them. */
  recipients: readonly string[]
  /** Of a business conversation: its sockets hear of the message, but nothing is pending for it. */
  businessId?: string | null | undefined
  /** The connection it came over: its frame counts as a sign of life. */
  from?: Connection | undefined
}

/** Whom a message is for, but its sender. */
export const othersOf = ({ recipients, senderId }: Pick<Routing, 'recipients' | 'senderId'>): string[] =>
  recipients.filter(userId => userId !== senderId)

export interface Sign {
  /** The switchboard knew this connection; when it did not, Redis has lost it, and what was pushed meanwhile is missing. */
  known: boolean
  /** Nobody had been told that this user is online. */
  cameOnline: boolean
}

/** The gateway ends a connection by itself after two hours. */
const maxConnectionMs = 2 * 60 * 60 * 1000

/**
 * Who is connected where, and who is online. Each method is one round trip to Redis unless it says otherwise, and rejects with
 * `store_unavailable` when Redis does not answer; what it holds can be lost at any time.
 */
export interface Switchboard {
  /**
   * A sign of life of a connection: registers it where it is not, and keeps its user online.
   * @param endsAt when its token runs out.
   * @param trip a round trip that is made anyway.
   */
  touch(connection: Connection, endsAt: Date, now: Date, trip?: RoundTrip): Promise<Sign>
  /** Forgets a connection that was closed; with the last one its user goes offline soon. Up to three round trips. */
  disconnect(connection: Connection, now: Date): Promise<void>
  /**
   * Marks a message as pending for its recipients, takes it as the sender's sign of life, and finds everybody's connections, and
   * which of the recipients are offline. A second round trip when Redis had lost the sender's connection.
   */
  route(routing: Routing, now: Date): Promise<{ connections: Connection[]; offline: string[]; sign: Sign | null }>
  /** Forgets connections that turned out to be gone. Repeating it changes nothing. */
  remove(connections: readonly Pick<Connection, 'id' | 'userId'>[]): Promise<void>
  /**
   * The connections of all these users and businesses, each once, in no order; some may be dead already.
   * @param trip a round trip that is made anyway.
   */
  connectionsOf(userIds: readonly string[], trip?: RoundTrip): Promise<Connection[]>
  /** Whether Redis answers. */
  ping(): Promise<void>
}

type Ending = Pick<Connection, 'id' | 'userId' | 'businessId'>

/** The member of `connection-ends`: no id holds a space. */
const endingMember = ({ id, userId, businessId }: Ending): string =>
  businessId === undefined ? `${userId} ${id}` : `${userId} ${id} ${businessId}`

/** The connection of a member of `connection-ends`. */
export const endingConnection = (member: string): Connection => {
  const [userId = '', id = '', businessId] = member.split(' ')
  return { id, userId, businessId, connectedAt: 0 }
}

const connectionsIn = (userId: string, reply: unknown): Connection[] =>
  Object.entries(reply as Record<string, string>).map(([id, connectedAt]) => ({
    id,
    userId,
    connectedAt: Number(connectedAt),
  }))

/** A socket of a business may be one of a participant, too: it is the participant's then. */
const eachOnce = (connections: readonly Connection[]): Connection[] => {
  const found = new Map<string, Connection>()
  for (const connection of connections) if (!found.has(connection.id)) found.set(connection.id, connection)
  return [...found.values()]
}

export const createSwitchboard = (redis: Cluster, settings: PresenceSettings = presenceSettings): Switchboard => {
  /** Its reply is 1 when the user was not online. */
  const extendOnline = (pipeline: ChainableCommander, userId: string, now: Date) =>
    pipeline.zadd(keys.online(bucketOf(userId)), 'GT', now.getTime() + settings.afterFrameMs, userId)

  const addSign = (pipeline: ChainableCommander, connection: Connection, now: Date) => {
    const { id, userId, businessId, connectedAt } = connection
    if (businessId !== undefined) {
      pipeline
        .hset(keys.connections(businessId), id, connectedAt)
        .expire(keys.connections(businessId), timeToLive.connections)
    }
    pipeline.hset(keys.connections(userId), id, connectedAt).expire(keys.connections(userId), timeToLive.connections)
    return extendOnline(pipeline, userId, now)
  }

  return {
    touch: async (connection, endsAt, now, trip) => {
      const { userId, connectedAt } = connection
      const end = Math.min(endsAt.getTime(), connectedAt + maxConnectionMs)
      const sign = (shared: RoundTrip) =>
        shared.add(pipeline => {
          const key = keys.connectionEnds(bucketOf(userId))
          addSign(pipeline, connection, now).zadd(key, end, endingMember(connection))
        })
      const replies = await (trip ? sign(trip) : inOneRoundTrip(redis, sign))
      const [added, , cameOnline] = replies.slice(-4)
      return { known: added === 0, cameOnline: cameOnline === 1 }
    },

    disconnect: async (connection, now) => {
      const { id, userId, businessId } = connection
      const bucket = bucketOf(userId)
      const connectionsKey = keys.connections(userId)
      const pipeline = redis
        .pipeline()
        .zrem(keys.connectionEnds(bucket), endingMember(connection))
        .hdel(connectionsKey, id)
        .hlen(connectionsKey)
        .zscore(keys.online(bucket), userId)
      if (businessId !== undefined) pipeline.hdel(keys.connections(businessId), id)
      const [, , left, onlineUntil] = await runPipeline(pipeline)
      // Of a user who ran out before, this says nothing: the gateway may notice a dead socket long after its last frame.
      if (left !== 0 || onlineUntil === null || Number(onlineUntil) <= now.getTime()) return
      const [, , leftNow] = await runPipeline(
        redis
          .pipeline()
          .zadd(keys.online(bucket), 'XX', 'LT', now.getTime() + settings.afterCloseMs, userId)
          .set(keys.lastSeen(userId), now.getTime(), 'EX', timeToLive.lastSeen)
          .hlen(connectionsKey),
      )
      // Somebody connected between the two looks: they must not go offline for it.
      if (leftNow !== 0) {
        const onlineUntil = now.getTime() + settings.afterFrameMs
        await callRedis(redis, () => redis.zadd(keys.online(bucket), 'GT', onlineUntil, userId))
      }
    },

    route: async ({ conversationId, seq, senderId, recipients, businessId, from }, now) => {
      const pipeline = redis.pipeline()
      // Who writes for a business is no recipient, but their other devices are to hear what they wrote.
      const listeners = businessId ? [...new Set([...recipients, senderId, businessId])] : recipients
      for (const userId of listeners) pipeline.hgetall(keys.connections(userId))
      const others = othersOf({ recipients, senderId })
      for (const userId of others) pipeline.zscore(keys.online(bucketOf(userId)), userId)
      for (const userId of others) {
        pipeline.hsetnx(keys.pending(userId), conversationId, seq)
        pipeline.expire(keys.pending(userId), timeToLive.pending)
        pipeline.zadd(keys.pendingUsers(bucketOf(userId)), 'NX', now.getTime(), userId)
      }
      if (from) extendOnline(pipeline, from.userId, now)
      const replies = await runPipeline(pipeline)
      const connections = eachOnce(listeners.flatMap((userId, index) => connectionsIn(userId, replies[index])))
      // The sender's own are among what was read, so one that is registered is not registered again; that its business has it, too,
      // does not count.
      const known = connections.some(({ id, userId }) => id === from?.id && userId === senderId)
      if (from && !known) await runPipeline(addSign(redis.pipeline(), from, now))
      return {
        connections,
        offline: others.filter((_, index) => Number(replies[listeners.length + index] ?? 0) <= now.getTime()),
        sign: from ? { known, cameOnline: replies.at(-1) === 1 } : null,
      }
    },

    remove: async connections => {
      if (connections.length === 0) return
      const pipeline = redis.pipeline()
      for (const { id, userId } of connections) pipeline.hdel(keys.connections(userId), id)
      await runPipeline(pipeline)
    },

    connectionsOf: async (userIds, trip) => {
      const reading = (shared: RoundTrip) =>
        shared.add(pipeline => {
          for (const userId of userIds) pipeline.hgetall(keys.connections(userId))
        })
      const replies = await (trip ? reading(trip) : inOneRoundTrip(redis, reading))
      return eachOnce(userIds.flatMap((userId, index) => connectionsIn(userId, replies[index])))
    },

    ping: async () => {
      // `PING` has no key, so the cluster client could send it to any node; a read of a key goes where the data is.
      await callRedis(redis, () => redis.exists(keys.connections('health')))
    },
  }
}

export const switchboardFromEnvironment = (): Switchboard =>
  createSwitchboard(redisFromEnvironment(), presenceFromEnvironment())
