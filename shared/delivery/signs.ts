import type { Cluster } from 'ioredis'
import type { Limits } from '../limits/limits.ts'
import { logger } from '../platform/logger.ts'
import { inOneRoundTrip, type RoundTrip } from '../redis/round-trip.ts'
import { missingJob, type ReplayQueue } from './replay.jobs.ts'
import type { Connection, Sign, Switchboard } from './switchboard.ts'

/**
 * Follows up on a sign of life, where there is something to follow: a connection that Redis had lost gets what was pushed
 * meanwhile, and a user who comes online is announced. Never rejects.
 */
export const noteSign = async (
  { replays }: { replays: ReplayQueue },
  connection: Connection,
  { known, cameOnline }: Sign,
): Promise<void> => {
  if (known && !cameOnline) return
  try {
    await replays.send(missingJob(connection, cameOnline))
  } catch (error) {
    logger.warn('A replay could not be asked for', error as Error)
  }
}

export interface FrameDeps {
  redis: Cluster
  limits: Limits
  switchboard: Switchboard
  replays: ReplayQueue
}

interface Arrival {
  connection: Connection
  /** When its token runs out. */
  endsAt: Date
  /** It sends a message: that is a sign of life by itself, in a round trip that it makes anyway. */
  isSend?: boolean
}

/** Never rejects: without Redis there is no presence, but frames are served. */
const touch = async (deps: FrameDeps, { connection, endsAt }: Arrival, now: Date, trip: RoundTrip): Promise<void> => {
  try {
    await noteSign(deps, connection, await deps.switchboard.touch(connection, endsAt, now, trip))
  } catch (error) {
    logger.warn('A sign of life was lost', error as Error)
  }
}

/** Takes a frame as a sign of life and counts it, in one round trip. Rejects with `rate_limited` past a limit of its user. */
export const takeFrame = (deps: FrameDeps, arrival: Arrival, now: Date): Promise<void> =>
  inOneRoundTrip(deps.redis, async trip => {
    const { connection, isSend = false } = arrival
    const counting = deps.limits.countRequest(connection.userId, { isSend, trip })
    await Promise.allSettled([counting, isSend || touch(deps, arrival, now, trip)])
    await counting
  })
