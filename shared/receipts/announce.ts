import type { Cluster } from 'ioredis'
import { type FanOutDeps, fanOut } from '../delivery/fan-out.ts'
import { logger } from '../platform/logger.ts'
import { keys, timeToLive } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import { inOneRoundTrip, type RoundTrip } from '../redis/round-trip.ts'
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
  /** From where a delivered position moved. */
  above?: number | undefined
  /** Who hears of it. */
  audience: readonly string[]
}

/** And which of its moves within this second that was, beginning with 1; 0 when it did not move. */
export type PlacedPosition = MovedPosition & { place: number }

/**
 * Tells of positions that moved, each at most once a second: the first at once; of those that follow within the second only the
 * last, by a job that looks at the position when the second is over. On a round trip that is made anyway. Never rejects.
 */
export const announceInPlace = async (
  deps: AnnounceDeps,
  placed: readonly PlacedPosition[],
  trip: RoundTrip,
): Promise<void> => {
  const late = placed.filter(({ place }) => place === 2)
  try {
    await Promise.all([
      ...placed
        .filter(({ place }) => place === 1)
        .map(({ kind, conversationId, userId, seq, audience }) =>
          fanOut(deps, audience, { event: `message.${kind}`, data: { conversationId, userId, seq } }, trip),
        ),
      deps.receipts.sendAll(
        late.map(({ kind, conversationId, userId, above }) => ({
          job: { kind, conversationId, userId, above },
          delaySeconds: 1,
        })),
      ),
    ])
  } catch (error) {
    logger.warn('Positions could not be announced', error as Error)
  }
}

/** Counts the moves, and announces them: two round trips. Never rejects. */
export const announcePositions = async (deps: AnnounceDeps, moved: readonly MovedPosition[]): Promise<void> => {
  if (moved.length === 0) return
  try {
    const pipeline = deps.redis.pipeline()
    for (const { kind, conversationId, userId } of moved) {
      const key = keys.announced(conversationId, kind, userId)
      pipeline.incr(key).expire(key, timeToLive.announced, 'NX')
    }
    const replies = await runPipeline(pipeline)
    const placed = moved.map((position, index) => ({ ...position, place: replies[index * 2] as number }))
    await inOneRoundTrip(deps.redis, trip => announceInPlace(deps, placed, trip))
  } catch (error) {
    logger.warn('Positions could not be announced', error as Error)
  }
}
