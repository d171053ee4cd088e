import type { Kysely } from 'kysely'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import { connectJob, type ReplayQueue, replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { type Switchboard, switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import type { Limits } from '../../shared/limits/limits.ts'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'
import { Problem } from '../../shared/platform/problems.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { webSocketRoute } from '../../shared/transport/websocket-lifecycle.ts'
import { ensureUser } from '../../shared/users/users.ts'

export interface ConnectDeps {
  limits: Limits
  db: Kysely<Database>
  switchboard: Switchboard
  replays: ReplayQueue
  clock: Clock
}

/** A push before `$connect` has returned meets 410. */
const replayDelaySeconds = 1

/**
 * Registers the connection and asks for its replay. What can't be registered or replayed is refused with 503 rather than
 * accepted half: the client tries again, and nothing waits for a `session.ready` that never comes.
 */
export const createHandler = (deps: ConnectDeps) =>
  webSocketRoute(async ({ caller, connection, query }) => {
    await deps.limits.countRequest(caller.id)
    const [, { cameOnline }] = await Promise.all([
      ensureUser(deps, caller),
      deps.switchboard.touch(connection, caller.expiresAt, deps.clock.now()),
    ])
    const withReplay = query.replay !== 'none'
    await deps.replays.send(connectJob(connection, { withReplay, cameOnline }), replayDelaySeconds).catch(cause => {
      throw new Problem('store_unavailable', 'The replay can not be asked for. Try again.', { cause })
    })
  })

export const handler = createHandler(
  runtime({
    limits: limitsFromEnvironment,
    db: databaseFromEnvironment,
    switchboard: switchboardFromEnvironment,
    replays: replayQueueFromEnvironment,
    clock: () => systemClock,
  }),
)
