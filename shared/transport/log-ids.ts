import type { Context } from 'aws-lambda'
import * as z from 'zod/mini'
import { type LogIds, withLogIds } from '../platform/logger.ts'

const GatewayEvent = z.object({
  requestContext: z.object({
    requestId: z.string(),
    routeKey: z.string(),
    connectionId: z.optional(z.string()),
    authorizer: z.optional(z.object({ userId: z.optional(z.string()) })),
  }),
})

/** What comes from no gateway is found by its invocation. */
const idsOf = (event: unknown, { awsRequestId }: Context): LogIds => {
  const { data } = GatewayEvent.safeParse(event)
  if (!data) return { requestId: awsRequestId }
  const { requestId, routeKey, connectionId, authorizer } = data.requestContext
  return {
    requestId,
    routeKey,
    ...(connectionId && { connectionId }),
    ...(authorizer?.userId && { userId: authorizer.userId }),
  }
}

/** Has every line that a handler writes carry the ids of its event. */
export const loggingIds =
  <Event, Result>(handler: (event: Event, context: Context) => Promise<Result>) =>
  (event: Event, context: Context): Promise<Result> =>
    withLogIds(idsOf(event, context), () => handler(event, context))
