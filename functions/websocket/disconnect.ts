import { type Switchboard, switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { webSocketRoute } from '../../shared/transport/websocket-lifecycle.ts'

export const createHandler = (deps: { switchboard: Switchboard; clock: Clock }) =>
  webSocketRoute(async ({ connection }) => deps.switchboard.disconnect(connection, deps.clock.now()))

export const handler = createHandler(runtime({ switchboard: switchboardFromEnvironment, clock: () => systemClock }))
