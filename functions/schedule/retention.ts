import * as z from 'zod'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { partitionSpanFromEnvironment } from '../../shared/messages/partitions.ts'
import { retentionFromEnvironment } from '../../shared/messages/retention.config.ts'
import { applyRetention, type RetentionDeps } from '../../shared/messages/retention-job.ts'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'
import { measure } from '../../shared/platform/metrics.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { schedule } from '../../shared/transport/schedule.ts'

const Input = z.strictObject({
  /** The time that the run takes for the present. */
  now: z.iso
    .datetime({ offset: true })
    .transform(text => new Date(text))
    .optional(),
  /** Report what a run would do, and change nothing. */
  dryRun: z.boolean().default(false),
})

/** More than the longest statement takes (`statement_timeout`), so that the run ends by itself and says how far it came. */
const endBeforeTimeoutMs = 10_000

export interface RetentionHandlerDeps extends RetentionDeps {
  clock: Clock
  /** Milliseconds; 10 s when not given. */
  endBeforeTimeoutMs?: number
}

export const createHandler = (deps: RetentionHandlerDeps) =>
  schedule('Retention', Input, async ({ now = deps.clock.now(), dryRun }, { timeLeftMs }) => {
    const hasTime = () => timeLeftMs() > (deps.endBeforeTimeoutMs ?? endBeforeTimeoutMs)
    const report = await applyRetention(deps, { now, dryRun, hasTime })
    if (!dryRun) measure('PartitionsAhead', report.partitionsAhead)
    return { ...report, now: now.toISOString(), dryRun }
  })

export const handler = createHandler(
  runtime({
    db: databaseFromEnvironment,
    days: retentionFromEnvironment,
    span: partitionSpanFromEnvironment,
    clock: () => systemClock,
  }),
)
