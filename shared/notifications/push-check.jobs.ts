import * as z from 'zod/mini'
import { readConfig } from '../platform/config.ts'
import { logger } from '../platform/logger.ts'
import { createQueue, type Queue } from '../platform/queue.ts'
import { Seconds } from '../platform/seconds.ts'

/** Messages of one conversation that these users may have to be notified of, unless they have come to know of them. */
export interface PushCheck {
  conversationId: string
  userIds: readonly string[]
  /** The first … */
  fromSeq: number
  /** … and the last of the messages. */
  throughSeq: number
}

export interface PushChecks {
  /**
   * Has it looked at whether users are to be notified, after a while in which they may come back or read. One request of SQS for
   * every ten checks, those of nobody left out. Never rejects: what was sent must not fail for it.
   * @param leastSeconds how long to wait at least.
   */
  ask(checks: readonly PushCheck[], leastSeconds?: number): Promise<void>
}

export const createPushChecks = (queue: Queue<PushCheck>, holdSeconds: number): PushChecks => ({
  ask: async (checks, leastSeconds = 0) => {
    const delaySeconds = Math.max(holdSeconds, leastSeconds)
    try {
      await queue.sendAll(checks.filter(({ userIds }) => userIds.length > 0).map(job => ({ job, delaySeconds })))
    } catch (error) {
      logger.warn('Users who are offline will not be notified', error as Error)
    }
  },
})

const PushChecksConfig = z.object({
  PUSH_CHECKS_QUEUE_URL: z.url(),
  /** How long a push request is held back. */
  PUSH_HOLD_SECONDS: z._default(Seconds, 10),
})

export const pushChecksFromEnvironment = (): PushChecks => {
  const config = readConfig(PushChecksConfig)
  return createPushChecks(createQueue(config.PUSH_CHECKS_QUEUE_URL), config.PUSH_HOLD_SECONDS)
}
