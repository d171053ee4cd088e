import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { replaySettingsFromEnvironment } from '../../shared/delivery/delivery.config.ts'
import { deliveryFromEnvironment } from '../../shared/delivery/from-environment.ts'
import { replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { ReplayJob } from '../../shared/delivery/replay.schema.ts'
import { type ReplayDeps, replay } from '../../shared/delivery/replay.ts'
import { contentKeysFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { pushChecksFromEnvironment } from '../../shared/notifications/push-check.jobs.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment } from '../../shared/presence/presence.config.ts'
import { profilesFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { queue } from '../../shared/transport/queue.ts'

export const createHandler = (deps: ReplayDeps) =>
  queue(ReplayJob, (job, { remainingMs }) => replay(deps, job, remainingMs))

export const handler = createHandler(
  runtime({
    ...deliveryFromEnvironment,
    contentKeys: contentKeysFromEnvironment,
    profiles: profilesFromEnvironment,
    replays: replayQueueFromEnvironment,
    pushChecks: pushChecksFromEnvironment,
    settings: replaySettingsFromEnvironment,
    presence: presenceFromEnvironment,
    audit: auditFromEnvironment,
  }),
)
