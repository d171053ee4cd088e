import middy from '@middy/core'
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import type { TokenVerifier } from '../auth/tokens.ts'
import { logger } from '../platform/logger.ts'
import { asProblem } from '../platform/problems.ts'
import { measureProblem, publishingMetrics } from './measuring.ts'
import type { AuthorizerContext } from './websocket-event.ts'

/** The gateway answers a handshake with 401 when its authorizer fails with exactly this message. */
const unauthorizedMessage = 'Unauthorized'

/**
 * Checks the token of a handshake, once: what it says of the caller then comes with every event of the connection. A bad token
 * is answered with 401; 500 when tokens can't be checked now, and a client tries again.
 */
export const authorizer = (deps: { tokens: TokenVerifier }) =>
  middy<APIGatewayRequestAuthorizerEvent, APIGatewayAuthorizerResult>()
    .use(publishingMetrics)
    .onError(request => {
      const problem = asProblem(request.error)
      measureProblem(problem)
      if (problem.status !== 401) logger.error('A handshake could not be authorized', problem)
      request.error = problem.status === 401 ? new Error(unauthorizedMessage) : problem
    })
    .handler(async event => {
      const caller = await deps.tokens.verify(event.queryStringParameters?.token ?? '')
      const context: AuthorizerContext = {
        userId: caller.id,
        kahaId: caller.kahaId,
        expiresAt: String(caller.expiresAt.getTime()),
        ...(caller.businessId && { businessId: caller.businessId }),
      }
      return {
        principalId: caller.id,
        policyDocument: {
          Version: '2012-10-17',
          Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: event.methodArn }],
        },
        context: { ...context },
      }
    })
