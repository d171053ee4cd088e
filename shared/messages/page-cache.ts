import type { Cluster } from 'ioredis'
import * as z from 'zod'
import { logger } from '../platform/logger.ts'
import { callRedis } from '../redis/call.ts'
import { parseKept } from '../redis/kept.ts'
import { keys } from '../redis/keys.ts'
import type { SealedRow } from './message-body.ts'
import type { MessageRange } from './messages.repository.ts'
import { isInSight, type VisibleSince } from './retention.ts'
import { SealedJson, toSealedJson } from './sealed-json.ts'

/**
 * Pages of history as they are stored, kept for a while by the range of which they are: whoever sees less of a conversation asks
 * for another range. A page is kept under the version that Postgres gave for its conversation beforehand, and found only under
 * the version that Postgres gives now, and while none of its messages is out of sight by its age.
 */
export interface PageCache {
  /** Undefined when it is not kept, or not so any more. One Redis round trip. Never rejects. */
  find(range: MessageRange, version: string, since: VisibleSince): Promise<SealedRow[] | undefined>
  /** Keeps a page that was read after its version. One Redis round trip. Never rejects. */
  keep(range: MessageRange, version: string, rows: readonly SealedRow[]): Promise<void>
}

const Kept = z.object({ version: z.string(), rows: z.array(SealedJson) })

const keyOf = ({ conversationId, above, below, direction, limit }: MessageRange): string =>
  keys.page(conversationId, [above, below ?? '', direction, limit].join(' '))

export const createPageCache = (redis: Cluster, seconds: number): PageCache => ({
  find: async (range, version, since) => {
    const text = await callRedis(redis, () => redis.get(keyOf(range))).catch((error: Error) => {
      logger.warn('The cache of pages can not be read', error)
      return null
    })
    const kept = parseKept(Kept, text)
    return kept?.version === version && kept.rows.every(row => isInSight(row, since)) ? kept.rows : undefined
  },

  keep: async (range, version, rows) => {
    const sealed = rows.map(toSealedJson)
    if (sealed.includes(undefined)) return
    const text = JSON.stringify({ version, rows: sealed })
    await callRedis(redis, () => redis.set(keyOf(range), text, 'EX', seconds)).catch((error: Error) =>
      logger.warn('The cache of pages can not be written', error),
    )
  },
})
