import type { Cluster } from 'ioredis'
import * as z from 'zod'
import { isInSight, type VisibleSince } from '../messages/retention.ts'
import { SealedJson, toSealedJson } from '../messages/sealed-json.ts'
import { logger } from '../platform/logger.ts'
import { callRedis } from '../redis/call.ts'
import { parseKept } from '../redis/kept.ts'
import { keys } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import type { OwnPart } from './own-parts.ts'

/** A conversation of a user's list, and the version of what their part of it follows from. */
export interface Versioned {
  id: string
  version: string
}

/**
 * What a user's list shows of conversations that costs most to find, kept for a while. It is never wrong: each part is kept under
 * the version that Postgres gave for it beforehand, and found only under the version that Postgres gives now. Losing it, or what
 * is in it, costs time.
 */
export interface ListCache {
  /** Those that are kept and still so, by conversation. One Redis round trip. Never rejects. */
  find(
    userId: string,
    conversations: readonly Versioned[],
    at: { now: Date; since: VisibleSince },
  ): Promise<Map<string, OwnPart>>
  /** Keeps parts that were read after their versions. One Redis round trip. Never rejects. */
  keep(
    userId: string,
    conversations: readonly Versioned[],
    parts: ReadonlyMap<string, OwnPart>,
    now: Date,
  ): Promise<void>
}

const Kept = z.object({
  version: z.string(),
  keptAt: z.number(),
  newest: SealedJson.nullable(),
  unread: z.int(),
  oldestUnreadAt: z.coerce.date().nullable(),
})

/** Whether all that it speaks of is to be seen still: messages go out of sight by themselves. */
const isVisible = ({ newest, oldestUnreadAt }: OwnPart, since: VisibleSince): boolean =>
  (newest === null || isInSight(newest, since)) && (oldestUnreadAt === null || oldestUnreadAt > since.sent)

export const createListCache = (redis: Cluster, seconds: number): ListCache => ({
  find: async (userId, conversations, { now, since }) => {
    const ids = conversations.map(({ id }) => id)
    const texts = await callRedis(redis, () => redis.hmget(keys.list(userId), ...ids)).catch((error: Error) => {
      logger.warn('The cache of a list can not be read', error)
      return []
    })
    return new Map(
      conversations.flatMap(({ id, version }, index) => {
        const kept = parseKept(Kept, texts[index])
        const isCurrent = kept?.version === version && now.getTime() - kept.keptAt < seconds * 1_000
        return isCurrent && isVisible(kept, since) ? [[id, kept] as const] : []
      }),
    )
  },

  keep: async (userId, conversations, parts, now) => {
    const entries = conversations.flatMap(({ id, version }) => {
      const part = parts.get(id)
      const newest = part && (part.newest === null ? null : toSealedJson(part.newest))
      return newest === undefined
        ? []
        : [[id, JSON.stringify({ ...part, newest, version, keptAt: now.getTime() })] as const]
    })
    if (entries.length === 0) return
    const key = keys.list(userId)
    const writing = redis.pipeline().hset(key, Object.fromEntries(entries)).expire(key, seconds)
    await runPipeline(writing).catch(error => logger.warn('The cache of a list can not be written', error))
  },
})
