import * as z from 'zod'
import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { sweepPeriodsFromEnvironment, sweepSettingsFromEnvironment } from '../../shared/delivery/delivery.config.ts'
import { deliveryFromEnvironment } from '../../shared/delivery/from-environment.ts'
import { replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { measureStanding } from '../../shared/delivery/standing.ts'
import { SweepTask, sweepQueueFromEnvironment } from '../../shared/delivery/sweep.jobs.ts'
import { type SweepDeps, sweep } from '../../shared/delivery/sweep.ts'
import { planSweep, type SweepPeriods } from '../../shared/delivery/sweep-plan.ts'
import { contentKeysFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { pushChecksFromEnvironment } from '../../shared/notifications/push-check.jobs.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment } from '../../shared/presence/presence.config.ts'
import { profilesFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { schedule } from '../../shared/transport/schedule.ts'

/** With `now` every task is done once, at once, as if it were that time; without, the ticks of the next minutes are queued. */
const Input = z.strictObject({ now: z.coerce.date().optional() })

export const createHandler = (deps: SweepDeps & { periods: SweepPeriods }) =>
  schedule('The sweep', Input, async ({ now }) => {
    if (!now) {
      const planned = await planSweep(deps, deps.clock.now(), deps.periods)
      await measureStanding(deps)
      return { planned }
    }
    const then = { ...deps, clock: { now: () => now } }
    const swept: Record<string, number> = {}
    for (const task of SweepTask.options) swept[task] = (await sweep(then, { task })).found
    return { swept }
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
    periods: sweepPeriodsFromEnvironment,
  }),
)
