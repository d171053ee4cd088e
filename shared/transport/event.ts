import middy from '@middy/core'
import type * as z from 'zod'
import { forRuntime, logger } from '../platform/logger.ts'
import { parseInput } from '../platform/validation.ts'
import { loggingIds } from './log-ids.ts'
import { publishingMetrics } from './measuring.ts'

/**
 * The handler of a function that EventBridge calls by a rule. A failure is told and thrown, so that Lambda tries again: what is
 * done must be safe to repeat (EventBridge delivers at least once). Throws `validation_failed` for an event of another shape.
 */
export const event = <Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  handle: (event: z.output<Schema>) => Promise<void>,
) =>
  loggingIds(
    middy<unknown, void>()
      .use(publishingMetrics)
      .onError(request => {
        logger.error(`${name} failed`, { error: request.error })
        request.error = forRuntime(request.error)
      })
      .handler(async event => handle(parseInput(schema, event))),
  )
