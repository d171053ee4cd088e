import middy from '@middy/core'
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import type { Caller } from '../auth/caller.ts'
import { answerToRefused, type RefusedTokenDeps } from '../auth/refused-tokens.ts'
import { isTicket, type Tickets } from '../auth/tickets.ts'
import type { TokenVerifier } from '../auth/tokens.ts'
import { forRuntime, logger } from '../platform/logger.ts'
import { asProblem } from '../platform/problems.ts'
import { loggingIds } from './log-ids.ts'
import { measureProblem, publishingMetrics } from './measuring.ts'
import type { AuthorizerContext } from './websocket-event.ts'

export interface AuthorizerDeps extends RefusedTokenDeps {
  tokens: TokenVerifier
  tickets: Tickets
}

/** The gateway answers a handshake with 401 when its authorizer fails with exactly this message. */
const unauthorizedMessage = 'Unauthorized'

const contextOf = ({ id, kahaId, expiresAt, businessId }: Caller): AuthorizerContext => ({
  userId: id,
  kahaId,
  expiresAt: String(expiresAt.getTime()),
  ...(businessId && { businessId }),
})

const passOn = (
  { methodArn }: APIGatewayRequestAuthorizerEvent,
  principalId: string,
  context: AuthorizerContext,
): APIGatewayAuthorizerResult => ({
  principalId,
  policyDocument: {
    Version: '2012-10-17',
    Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: methodArn }],
  },
  context: { ...context },
})

/**
 * Checks the token or the ticket of a handshake, once: what it says of the caller then comes with every event of the connection. A
 * bad one is answered with 401, however many there are: an authorizer has no 429. While they can't be checked, `$connect` gets word
 * of that in place of a caller, and refuses with 503, which an authorizer can't either.
 */
export const authorizer = (deps: AuthorizerDeps) =>
  loggingIds(
    middy<APIGatewayRequestAuthorizerEvent, APIGatewayAuthorizerResult>()
      .use(publishingMetrics)
      .onError(async request => {
        const problem = asProblem(request.error)
        if (problem.code === 'store_unavailable') {
          logger.warn('A handshake could not be authorized', problem)
          request.response = passOn(request.event, 'nobody', { refusal: problem.code })
          return
        }
        if (problem.status === 401) {
          const { identity, requestId } = request.event.requestContext
          const presented = { address: identity.sourceIp, route: '$connect', requestId }
          measureProblem(await answerToRefused(deps, problem, presented))
          request.error = new Error(unauthorizedMessage)
        } else {
          measureProblem(problem)
          logger.error('A handshake could not be authorized', problem)
          request.error = forRuntime(problem)
        }
      })
      .handler(async event => {
        const token = event.queryStringParameters?.token ?? ''
        const caller = isTicket(token) ? await deps.tickets.redeem(token) : await deps.tokens.verify(token)
        return passOn(event, caller.id, contextOf(caller))
      }),
  )
