import middy from '@middy/core'
import type * as z from 'zod'
import { forRuntime, logger } from '../platform/logger.ts'
import { parseInput } from '../platform/validation.ts'
import { loggingIds } from './log-ids.ts'
import { publishingMetrics } from './measuring.ts'

export interface Invocation {
  /** Milliseconds until Lambda ends the function. */
  timeLeftMs(): number
}

/**
 * The handler of a schedule's function. Its event is what the schedule, or a person, gives as input, `{}` where there is none.
 * One log line tells what came of it, however little. A failure is told and thrown, so that Lambda tries again: the job must be
 * safe to repeat, and to run twice at once (EventBridge delivers at least once). Throws `validation_failed` for wrong input.
 */
export const schedule = <Schema extends z.ZodType, Outcome extends object>(
  name: string,
  input: Schema,
  run: (input: z.output<Schema>, invocation: Invocation) => Promise<Outcome>,
) =>
  loggingIds(
    middy<unknown, Outcome>()
      .use(publishingMetrics)
      .onError(request => {
        logger.error(`${name} failed`, { error: request.error })
        request.error = forRuntime(request.error)
      })
      .handler(async (event, context) => {
        const parsed = parseInput(input, event ?? {})
        const startedAt = performance.now()
        const outcome = await run(parsed, { timeLeftMs: () => context.getRemainingTimeInMillis() })
        logger.info(`${name} is done`, { ...outcome, durationMs: Math.round(performance.now() - startedAt) })
        return outcome
      }),
  )
