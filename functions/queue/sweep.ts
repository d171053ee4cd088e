import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { sweepSettingsFromEnvironment } from '../../shared/delivery/delivery.config.ts'
import { deliveryFromEnvironment } from '../../shared/delivery/from-environment.ts'
import { replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { SweepJob, sweepQueueFromEnvironment } from '../../shared/delivery/sweep.jobs.ts'
import { type SweepDeps, sweep } from '../../shared/delivery/sweep.ts'
import { contentKeysFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { pushChecksFromEnvironment } from '../../shared/notifications/push-check.jobs.ts'
import { logger } from '../../shared/platform/logger.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment } from '../../shared/presence/presence.config.ts'
import { profilesFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { queue } from '../../shared/transport/queue.ts'

export const createHandler = (deps: SweepDeps) =>
  queue(SweepJob, async job => {
    const swept = await sweep(deps, job)
    if (swept.found > 0) logger.info('The sweep found something to do', { ...swept })
  })

export const handler = createHandler(
  runtime({
    ...deliveryFromEnvironment,
    contentKeys: contentKeysFromEnvironment,
    profiles: profilesFromEnvironment,
    replays: replayQueueFromEnvironment,
    pushChecks: pushChecksFromEnvironment,
    sweeps: sweepQueueFromEnvironment,
    settings: sweepSettingsFromEnvironment,
    presence: presenceFromEnvironment,
    audit: auditFromEnvironment,
  }),
)
