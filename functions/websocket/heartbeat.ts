import { type Push, pushFromEnvironment } from '../../shared/delivery/push.ts'
import { type Switchboard, switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { webSocketSignal } from '../../shared/transport/websocket.ts'

export interface HeartbeatDeps {
  switchboard: Switchboard
  push: Push
  clock: Clock
}

/** A registered connection is registered again, so that one that Redis has lost comes back with its next heartbeat. */
export const createHandler = (deps: HeartbeatDeps) =>
  webSocketSignal(deps, async ({ connection }) => deps.switchboard.register(connection))

export const handler = createHandler(
  runtime({ switchboard: switchboardFromEnvironment, push: pushFromEnvironment, clock: () => systemClock }),
)
