import * as z from 'zod/mini'
import type { Caller } from '../auth/caller.ts'
import type { Connection } from '../delivery/switchboard.ts'
import { Problem } from '../platform/problems.ts'

/** What the authorizer says of the caller, or that it can't. It rides on every later event of the connection, as strings. */
export type AuthorizerContext =
  | {
      userId: string
      kahaId: string
      businessId?: string
      /** Milliseconds since 1970, in digits. */
      expiresAt: string
    }
  | { refusal: 'store_unavailable' }

const WebSocketEvent = z.object({
  requestContext: z.object({
    requestId: z.string(),
    routeKey: z.string(),
    connectionId: z.string(),
    connectedAt: z.number(),
    authorizer: z.union([
      z.object({ refusal: z.literal('store_unavailable') }),
      z.object({
        userId: z.string(),
        kahaId: z.string(),
        businessId: z.optional(z.string()),
        expiresAt: z.coerce.number(),
      }),
    ]),
  }),
  /** With `$connect` only. */
  queryStringParameters: z.optional(z.record(z.string(), z.string())),
  body: z.optional(z.string()),
})

export interface Frame {
  requestId: string
  routeKey: string
  connection: Connection
  caller: Caller
  query: Record<string, string>
  body: string
}

/** An event of the WebSocket API as far as this service reads it. Throws what the authorizer refuses the handshake with. */
export const frameOfEvent = (event: unknown): Frame => {
  const { requestContext, queryStringParameters: query = {}, body = '' } = WebSocketEvent.parse(event)
  const { requestId, routeKey, connectionId, connectedAt, authorizer } = requestContext
  if ('refusal' in authorizer) throw new Problem(authorizer.refusal, 'Tokens can not be checked now. Try again.')
  const { userId, kahaId, businessId, expiresAt } = authorizer
  return {
    requestId,
    routeKey,
    connection: { id: connectionId, userId, connectedAt, ...(businessId && { businessId }) },
    caller: { id: userId, kahaId, expiresAt: new Date(expiresAt), ...(businessId && { businessId }) },
    query,
    body,
  }
}

/** The token that the connection was opened with has run out. */
export const isTokenExpired = ({ caller }: Frame, now: Date): boolean => now >= caller.expiresAt
