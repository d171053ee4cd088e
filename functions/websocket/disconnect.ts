import { type Switchboard, switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { webSocketLifecycle } from '../../shared/transport/websocket.ts'

export const createHandler = (deps: { switchboard: Switchboard }) =>
  webSocketLifecycle(async ({ connection }) => deps.switchboard.remove([connection]))

export const handler = createHandler(runtime({ switchboard: switchboardFromEnvironment }))
