import middy from '@middy/core'
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { logger } from '../platform/logger.ts'
import { asProblem, type Problem } from '../platform/problems.ts'
import { loggingIds } from './log-ids.ts'
import { measureProblem, publishingMetrics } from './measuring.ts'
import { type Frame, frameOfEvent } from './websocket-event.ts'

export const logUnexpected = (problem: Problem): void => {
  if (problem.status >= 500) logger.error('A frame failed', problem)
}

/**
 * The handler of a route that answers nothing: `$connect`, `$disconnect` and `heartbeat`. The status of a problem of `$connect`
 * is what refuses the handshake.
 */
export const webSocketRoute = (handle: (frame: Frame) => Promise<void>) =>
  loggingIds(
    middy<unknown, APIGatewayProxyStructuredResultV2>()
      .use(publishingMetrics)
      .onError(request => {
        const problem = asProblem(request.error)
        measureProblem(problem)
        logUnexpected(problem)
        request.response = { statusCode: problem.status }
      })
      .handler(async event => {
        await handle(frameOfEvent(event))
        return { statusCode: 200 }
      }),
  )
