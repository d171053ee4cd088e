import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { sweepSettingsFromEnvironment } from '../../shared/delivery/delivery.config.ts'
import { pushFromEnvironment } from '../../shared/delivery/push.ts'
import { replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { SweepJob, sweepQueueFromEnvironment } from '../../shared/delivery/sweep.jobs.ts'
import { type SweepDeps, sweep } from '../../shared/delivery/sweep.ts'
import { switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { logger } from '../../shared/platform/logger.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment } from '../../shared/presence/presence.config.ts'
import { deliveredFromEnvironment } from '../../shared/receipts/delivered.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { queue } from '../../shared/transport/queue.ts'

export const createHandler = (deps: SweepDeps) =>
  queue(SweepJob, async job => {
    const swept = await sweep(deps, job)
    if (swept.found > 0) logger.info('The sweep found something to do', { ...swept })
  })

export const handler = createHandler(
  runtime({
    db: databaseFromEnvironment,
    redis: redisFromEnvironment,
    switchboard: switchboardFromEnvironment,
    delivered: deliveredFromEnvironment,
    push: pushFromEnvironment,
    replays: replayQueueFromEnvironment,
    sweeps: sweepQueueFromEnvironment,
    clock: () => systemClock,
    settings: sweepSettingsFromEnvironment,
    presence: presenceFromEnvironment,
  }),
)
