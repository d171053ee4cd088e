import { expiredJob, type ReplayQueue, replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { touch } from '../../shared/delivery/signs.ts'
import { type Switchboard, switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { isTokenExpired } from '../../shared/transport/websocket-event.ts'
import { webSocketRoute } from '../../shared/transport/websocket-lifecycle.ts'

export interface HeartbeatDeps {
  switchboard: Switchboard
  replays: ReplayQueue
  clock: Clock
}

/** One Redis round trip. A token that has run out is for the replay worker to tell: so this bundle needs no push. */
export const createHandler = (deps: HeartbeatDeps) =>
  webSocketRoute(async frame => {
    const now = deps.clock.now()
    if (isTokenExpired(frame, now)) return deps.replays.send(expiredJob(frame.connection))
    return touch(deps, frame.connection, frame.caller.expiresAt, now)
  })

export const handler = createHandler(
  runtime({
    switchboard: switchboardFromEnvironment,
    replays: replayQueueFromEnvironment,
    clock: () => systemClock,
  }),
)
