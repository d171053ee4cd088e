import type { Cluster } from 'ioredis'
import { type FanOutDeps, fanOut } from '../delivery/fan-out.ts'
import { logger } from '../platform/logger.ts'
import { keys } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import type { ReceiptQueue } from './receipt.jobs.ts'

export type PositionKind = 'delivered' | 'read'

export interface AnnounceDeps extends FanOutDeps {
  redis: Cluster
  receipts: ReceiptQueue
}

export interface MovedPosition {
  kind: PositionKind
  conversationId: string
  /** Whose position it is. */
  userId: string
  seq: number
  /** Who hears of it. */
  audience: readonly string[]
}

const windowMs = 1_000

/**
 * Tells of positions that moved, each at most once a second: the first at once; of those that follow within the second only the
 * last, by a job that looks at the position when the second is over. Never rejects.
 */
export const announcePositions = async (deps: AnnounceDeps, moved: readonly MovedPosition[]): Promise<void> => {
  if (moved.length === 0) return
  try {
    const pipeline = deps.redis.pipeline()
    for (const { kind, conversationId, userId } of moved) {
      const key = keys.announced(`${kind}:${conversationId}:${userId}`)
      pipeline.incr(key).pexpire(key, windowMs, 'NX')
    }
    const replies = await runPipeline(pipeline)
    const places = moved.map((position, index) => ({ position, place: replies[index * 2] as number }))
    const late = places.filter(({ place }) => place === 2).map(({ position }) => position)
    await Promise.all([
      ...places
        .filter(({ place }) => place === 1)
        .map(({ position: { kind, conversationId, userId, seq, audience } }) =>
          fanOut(deps, audience, { event: `message.${kind}`, data: { conversationId, userId, seq } }),
        ),
      deps.receipts.sendAll(
        late.map(({ kind, conversationId, userId }) => ({ job: { kind, conversationId, userId }, delaySeconds: 1 })),
      ),
    ])
  } catch (error) {
    logger.warn('Positions could not be announced', error as Error)
  }
}
