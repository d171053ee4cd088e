import { logger } from '../platform/logger.ts'
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

/** Takes a frame as a sign of life. Never rejects: without Redis there is no presence, but frames are served. */
export const touch = async (
  deps: { switchboard: Switchboard; replays: ReplayQueue },
  connection: Connection,
  endsAt: Date,
  now: Date,
): Promise<void> => {
  try {
    await noteSign(deps, connection, await deps.switchboard.touch(connection, endsAt, now))
  } catch (error) {
    logger.warn('A sign of life was lost', error as Error)
  }
}
