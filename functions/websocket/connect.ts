import type { Kysely } from 'kysely'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import { type Switchboard, switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { webSocketLifecycle } from '../../shared/transport/websocket.ts'
import { ensureUser } from '../../shared/users/users.ts'

export interface ConnectDeps {
  db: Kysely<Database>
  switchboard: Switchboard
  clock: Clock
}

export const createHandler = (deps: ConnectDeps) =>
  webSocketLifecycle(async ({ caller, connection }) => {
    await Promise.all([ensureUser(deps, caller), deps.switchboard.register(connection)])
  })

export const handler = createHandler(
  runtime({ db: databaseFromEnvironment, switchboard: switchboardFromEnvironment, clock: () => systemClock }),
)
