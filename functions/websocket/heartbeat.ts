import { expiredJob, limitedJob, replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { type FrameDeps, takeFrame } from '../../shared/delivery/signs.ts'
import { switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'
import { asProblem } from '../../shared/platform/problems.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { isTokenExpired } from '../../shared/transport/websocket-event.ts'
import { webSocketRoute } from '../../shared/transport/websocket-lifecycle.ts'

export interface HeartbeatDeps extends FrameDeps {
  clock: Clock
}

/**
 * One Redis round trip. That a token has run out, or that a socket is closed because its user goes on past their limits, is for the
 * replay worker to tell: so this bundle needs no push.
 */
export const createHandler = (deps: HeartbeatDeps) =>
  webSocketRoute(async frame => {
    const now = deps.clock.now()
    const { connection, caller } = frame
    if (isTokenExpired(frame, now)) return deps.replays.send(expiredJob(connection))
    try {
      await takeFrame(deps, { connection, endsAt: caller.expiresAt }, now)
    } catch (error) {
      const { endsSocket, retryAfterSeconds = 0 } = asProblem(error).options
      if (endsSocket) await deps.replays.send(limitedJob(connection, retryAfterSeconds))
      throw error
    }
  })

export const handler = createHandler(
  runtime({
    redis: redisFromEnvironment,
    limits: limitsFromEnvironment,
    switchboard: switchboardFromEnvironment,
    replays: replayQueueFromEnvironment,
    clock: () => systemClock,
  }),
)
