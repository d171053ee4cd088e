import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { replaySettings } from '../../shared/delivery/delivery.config.ts'
import { pushFromEnvironment } from '../../shared/delivery/push.ts'
import { replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { ReplayJob } from '../../shared/delivery/replay.schema.ts'
import { type ReplayDeps, replay } from '../../shared/delivery/replay.ts'
import { switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment } from '../../shared/presence/presence.config.ts'
import { deliveredFromEnvironment } from '../../shared/receipts/delivered.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { queue } from '../../shared/transport/queue.ts'

export const createHandler = (deps: ReplayDeps) =>
  queue(ReplayJob, (job, { remainingMs }) => replay(deps, job, remainingMs))

export const handler = createHandler(
  runtime({
    db: databaseFromEnvironment,
    redis: redisFromEnvironment,
    switchboard: switchboardFromEnvironment,
    delivered: deliveredFromEnvironment,
    push: pushFromEnvironment,
    replays: replayQueueFromEnvironment,
    clock: () => systemClock,
    settings: () => replaySettings,
    presence: presenceFromEnvironment,
  }),
)
