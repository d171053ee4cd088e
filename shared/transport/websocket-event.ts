import * as z from 'zod'
import type { Caller } from '../auth/caller.ts'
import type { Connection } from '../delivery/switchboard.ts'
import { Problem } from '../platform/problems.ts'

/** What the authorizer says of the caller. It rides on every later event of the connection, as strings. */
export interface AuthorizerContext {
  userId: string
  kahaId: string
  businessId?: string
  /** Milliseconds since 1970, in digits. */
  expiresAt: string
}

const WebSocketEvent = z.object({
  requestContext: z.object({
    requestId: z.string(),
    routeKey: z.string(),
    connectionId: z.string(),
    connectedAt: z.number(),
    authorizer: z.object({
      userId: z.string(),
      kahaId: z.string(),
      businessId: z.string().optional(),
      expiresAt: z.coerce.number(),
    }),
  }),
  body: z.string().optional(),
})

export interface Frame {
  requestId: string
  routeKey: string
  connection: Connection
  caller: Caller
  body: string
}

/** An event of the WebSocket API as far as this service reads it. */
export const frameOfEvent = (event: unknown): Frame => {
  const { requestContext, body = '' } = WebSocketEvent.parse(event)
  const { requestId, routeKey, connectionId, connectedAt, authorizer } = requestContext
  const { userId, kahaId, businessId, expiresAt } = authorizer
  return {
    requestId,
    routeKey,
    connection: { id: connectionId, userId, connectedAt },
    caller: { id: userId, kahaId, expiresAt: new Date(expiresAt), ...(businessId && { businessId }) },
    body,
  }
}

/** Throws `token_expired` once the token that the connection was opened with has run out. */
export const requireLiveToken = ({ caller }: Frame, now: Date): void => {
  if (now >= caller.expiresAt) {
    throw new Problem('token_expired', 'The token of this connection has expired. Connect with a new one.')
  }
}
