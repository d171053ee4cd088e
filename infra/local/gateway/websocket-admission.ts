import type { IncomingMessage } from 'node:http'
import { readAuthorizerResult } from './authorizer-result.ts'
import type { Connection } from './connections.ts'
import { type Integration, tooLate } from './integration.ts'
import { authorizerEvent, connectArn, connectEvent, type Handshake, handshakeOf } from './websocket-events.ts'
import { webSocketResponse } from './websocket-response.ts'

/** A handshake that authorizer and `$connect` let pass. */
export interface Admission {
  readonly handshake: Handshake
  readonly authorizer: Connection['authorizer']
  /** The subprotocol that `$connect` chose. */
  readonly protocol: string | undefined
}

/** The HTTP status that the client gets instead of a WebSocket. */
export interface Refusal {
  readonly refused: number
}

/** The query parameter without which a handshake is refused before the authorizer is asked: its identity source. */
const identitySource = 'token'

/** Of the URL with its query, in characters. */
const urlLimit = 4096

/**
 * Decides on handshakes as API Gateway does: 401 without a token; the authorizer's word (a policy that does not allow: 403,
 * thrown `Unauthorized`: 401, anything else that goes wrong: 500); then `$connect`'s (its own status unless 2xx, 502 when it
 * fails). Before that, 403 outside of the stage (the path `/`) and 414 for a URL that is too long. Never rejects.
 */
export const createAdmission = (options: {
  authorizer: string
  /** The function of `$connect`; without one nothing is asked after the authorizer. */
  connectFunction: string | undefined
  integrationTimeoutMs: number
  integration: Integration
  log: (text: string) => void
}): ((request: IncomingMessage) => Promise<Admission | Refusal>) => {
  const { connectFunction, integration, integrationTimeoutMs, log } = options

  const authorize = async (handshake: Handshake): Promise<Pick<Admission, 'authorizer'> | Refusal> => {
    const startedAt = performance.now()
    const result = await integration.invoke(options.authorizer, authorizerEvent(handshake), integrationTimeoutMs)
    if (result === tooLate) return { refused: 500 }
    if (result.outcome !== 'ok') return { refused: result.errorMessage === 'Unauthorized' ? 401 : 500 }
    const decision = readAuthorizerResult(result.payload, connectArn)
    if (decision === 'malformed') {
      log(`${options.authorizer} did not return a policy with a flat context`)
      return { refused: 500 }
    }
    if (decision === 'denied') return { refused: 403 }
    return { authorizer: { ...decision.allowed, integrationLatency: Math.round(performance.now() - startedAt) } }
  }

  const connect = async (event: Record<string, unknown>): Promise<Pick<Admission, 'protocol'> | Refusal> => {
    if (connectFunction === undefined) return { protocol: undefined }
    const result = await integration.invoke(connectFunction, event, integrationTimeoutMs)
    const response = result !== tooLate && result.outcome === 'ok' ? webSocketResponse(result.payload) : undefined
    if (!response) return { refused: 502 }
    return response.statusCode < 300 ? { protocol: response.protocol } : { refused: response.statusCode }
  }

  return async request => {
    const url = request.url ?? ''
    if (url.length > urlLimit) return { refused: 414 }
    if (url.split('?')[0] !== '/') return { refused: 403 }
    const handshake = handshakeOf(request)
    if (!handshake.queryStringParameters?.[identitySource]) return { refused: 401 }
    const authorized = await authorize(handshake)
    if ('refused' in authorized) return authorized
    const connected = await connect(connectEvent(handshake, authorized.authorizer))
    if ('refused' in connected) return connected
    return { handshake, ...authorized, ...connected }
  }
}
