import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { WebSocketRoute } from '../../topology.ts'
import { readAuthorizerResult } from './authorizer-result.ts'
import { createSender } from './connection-sender.ts'
import type { Connection, Connections, Ending } from './connections.ts'
import { connectionsPath, createConnectionsApi } from './connections-api.ts'
import { watchFrameSizes } from './frame-sizes.ts'
import type { GatewayFaults } from './gateway-faults.ts'
import { type GatewayUnits, webSocketSteps } from './gateway-units.ts'
import { type Integration, tooLate } from './integration.ts'
import {
  authorizerEvent,
  connectArn,
  connectEvent,
  disconnectEvent,
  type Handshake,
  handshakeOf,
  messageEvent,
} from './websocket-events.ts'

export interface WebSocketApi {
  /** Serves upgrades and `/@connections/`; it does not listen yet. */
  readonly server: Server
  connectionCount(): number
  /** Refuses new connections (503) and closes the open ones with 1012. */
  drain(): void
  /** Sockets whose closing handshake is not done yet, open ones included. */
  socketCount(): number
  /** Cuts the sockets that are left, and handshakes that are still held. */
  terminate(): void
}

/** The query parameter without which a handshake is refused before the authorizer is asked: its identity source. */
const identitySource = 'token'

const frameLimit = 32 * 1024
const messageLimit = 128 * 1024
const headerLimit = 10_240
const urlLimit = 4096

/** How long a client may take to answer a close frame before its socket is cut. */
const closeTimeoutMs = 2000

const goingAway: Ending = { code: 1001, reason: 'Going away' }

/** How `$disconnect` names a close that came without a reason. */
const endingReasons: Record<number, string> = {
  1000: 'Connection Closed Normally',
  1001: goingAway.reason,
  1005: 'Client-side close frame status not set',
}

/**
 * A WebSocket API of API Gateway in front of functions.
 *
 * - A handshake is held until it is decided: without a token 401; the authorizer's policy (deny: 403, thrown `Unauthorized`:
 *   401, anything else that goes wrong: 500); then `$connect` (its status unless 2xx; 502 when it fails). The subprotocol is
 *   what `$connect` returned, or none. Until `$connect` has returned, a post to the connection is 410.
 * - A message goes to the route that its `action` names, else to `$default`, at once and beside those before it: nothing
 *   keeps an order. Two-way routes answer with the returned `body`; without a route, and when a function fails or returns
 *   anything else than a response, the caller gets API Gateway's own frame. The socket stays open.
 * - It closes with 1009 past 32 KB in a frame or 128 KB in a message, 1003 on binary data, 1001 after the idle time without a
 *   message in either direction (protocol pings are answered, but don't count) and at the greatest age.
 * - `$disconnect` comes once after the close; what it returns is ignored.
 */
export const createWebSocketApi = (options: {
  routes: readonly WebSocketRoute[]
  authorizer: string
  integrationTimeoutMs: number
  idleTimeoutMs: number
  maxConnectionMs: number
  sendBufferBytes: number
  integration: Integration
  faults: GatewayFaults
  units: GatewayUnits
  log: (text: string) => void
}): WebSocketApi => {
  const { integration, integrationTimeoutMs, faults, units, log } = options
  const allRoutes = new Map(options.routes.map(route => [route.key, route]))
  const customRoutes = new Map([...allRoutes].filter(([key]) => !key.startsWith('$')))
  const connections: Connections = new Map()
  const accepted = new WeakMap<IncomingMessage, Accepted>()
  const undecided = new Set<Socket>()
  const send = createSender(options.sendBufferBytes, units)
  let draining = false

  const close = (connection: Connection, ending: Ending): void => {
    if (connection.ending) return
    connection.ending = ending
    connections.delete(connection.id)
    connection.socket.close(ending.code, ending.reason)
  }

  const authorize = async (handshake: Handshake): Promise<Refusal | Connection['authorizer']> => {
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
    return { ...decision.allowed, integrationLatency: Math.round(performance.now() - startedAt) }
  }

  const runConnect = async (event: Record<string, unknown>): Promise<Refusal | { protocol: string | undefined }> => {
    const route = allRoutes.get('$connect')
    if (!route) return { protocol: undefined }
    const result = await integration.invoke(route.function, event, integrationTimeoutMs)
    const response = result !== tooLate && result.outcome === 'ok' ? proxyResponse(result.payload) : undefined
    if (!response) return { refused: 502 }
    if (response.statusCode < 200 || response.statusCode > 299) return { refused: response.statusCode }
    return { protocol: response.protocol }
  }

  const decide = async (request: IncomingMessage): Promise<Refusal | undefined> => {
    if (draining) return { refused: 503 }
    const url = request.url ?? ''
    if (url.length > urlLimit) return { refused: 414 }
    if (url.split('?')[0] !== '/') return { refused: 403 }
    const handshake = handshakeOf(request)
    if (!handshake.queryStringParameters?.[identitySource]) return { refused: 401 }
    const authorizer = await authorize(handshake)
    if (isRefusal(authorizer)) return authorizer
    const connected = await runConnect(connectEvent(handshake, authorizer))
    if (isRefusal(connected)) return connected
    accepted.set(request, { handshake, authorizer, protocol: connected.protocol })
    return undefined
  }

  const runDisconnect = (connection: Parameters<typeof disconnectEvent>[0], ending: Ending): void => {
    const route = allRoutes.get('$disconnect')
    if (!route || faults.lostDisconnects) return
    void integration.invoke(route.function, disconnectEvent(connection, ending), integrationTimeoutMs)
  }

  const closeWhenDue = (connection: Connection): void => {
    const { connectedAt, socket } = connection
    let timer: NodeJS.Timeout
    const check = (): void => {
      const dueAt = Math.min(connection.lastActiveAt + options.idleTimeoutMs, connectedAt + options.maxConnectionMs)
      const left = dueAt - Date.now()
      if (left <= 0) close(connection, goingAway)
      else timer = setTimeout(check, left)
    }
    check()
    socket.on('close', () => clearTimeout(timer))
  }

  const open = (socket: WebSocket, request: IncomingMessage): void => {
    const found = accepted.get(request)
    if (!found) throw new Error('A socket was opened that nobody let in')
    const { id, connectedAt, identity, domainName } = found.handshake
    const connection: Connection = {
      id,
      socket,
      connectedAt,
      lastActiveAt: Date.now(),
      identity,
      domainName,
      authorizer: found.authorizer,
    }
    connections.set(id, connection)
    watchFrameSizes(request.socket, frameLimit, () =>
      close(connection, { code: 1009, reason: `A frame is longer than ${frameLimit} bytes` }),
    )
    closeWhenDue(connection)

    socket.on('message', (data, isBinary) => {
      if (connection.ending) return
      if (isBinary) return close(connection, { code: 1003, reason: 'Binary messages are not supported' })
      const body = String(data)
      connection.lastActiveAt = Date.now()
      units.webSocketMessagesIn += webSocketSteps(Buffer.byteLength(body))
      void onMessage(connection, body)
    })
    socket.on('error', error => {
      connection.ending ??= endingOf(error)
      connections.delete(id)
    })
    socket.on('close', (code, reason) => {
      connections.delete(id)
      units.connectionMs += Date.now() - connectedAt
      runDisconnect(connection, connection.ending ?? { code, reason: reason.toString() || (endingReasons[code] ?? '') })
    })
  }

  const reply = (connection: Connection, message: string): void => {
    if (!connection.ending && !send(connection, message)) log(`${connection.id} reads too slowly: a reply was dropped`)
  }

  const replyItself = (connection: Connection, message: string, requestId: string): void =>
    reply(connection, JSON.stringify({ message, connectionId: connection.id, requestId }))

  const onMessage = async (connection: Connection, body: string): Promise<void> => {
    const route = customRoutes.get(actionOf(body)) ?? allRoutes.get('$default')
    const event = messageEvent(connection, route?.key ?? '$default', body)
    const { requestId } = event.requestContext
    if (!route) return replyItself(connection, 'Forbidden', requestId)
    const result = await integration.invoke(route.function, event, integrationTimeoutMs)
    const response = result !== tooLate && result.outcome === 'ok' ? proxyResponse(result.payload) : undefined
    if (!response) return replyItself(connection, 'Internal server error', requestId)
    if (route.twoWay && response.body !== '') reply(connection, response.body)
  }

  const sockets = new WebSocketServer({
    ...serverOptions,
    handleProtocols: (_offered, request) => accepted.get(request)?.protocol ?? false,
    verifyClient: ({ req }, done) => {
      undecided.add(req.socket)
      void decide(req).then(refusal => {
        undecided.delete(req.socket)
        if (refusal) return done(false, refusal.refused, messageBody(refusal.refused), jsonHeaders)
        const found = accepted.get(req)
        if (found && (req.socket.destroyed || !req.socket.readable)) {
          runDisconnect({ ...found.handshake, authorizer: found.authorizer }, { code: 1006, reason: '' })
        }
        done(true)
      })
    },
  })

  const connectionsApi = createConnectionsApi({
    connections,
    send,
    faults,
    close: (connection, code, reason) => close(connection, { code, reason }),
  })
  const server = createServer({ maxHeaderSize: headerLimit, keepAliveTimeout: 600_000 }, (request, response) => {
    if (request.url?.startsWith(connectionsPath)) return connectionsApi(request, response)
    request.resume()
    response.writeHead(403, jsonHeaders).end(messageBody(403))
  })
  server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, open))

  return {
    server,
    connectionCount: () => connections.size,
    socketCount: () => sockets.clients.size,
    drain() {
      draining = true
      for (const connection of [...connections.values()]) close(connection, { code: 1012, reason: 'Service restart' })
    },
    terminate() {
      for (const socket of sockets.clients) socket.terminate()
      for (const socket of undecided) socket.destroy()
    },
  }
}

const serverOptions = {
  noServer: true,
  perMessageDeflate: false,
  maxPayload: messageLimit,
  closeTimeout: closeTimeoutMs,
}

/** A handshake that both functions let pass. */
interface Accepted {
  readonly handshake: Handshake
  readonly authorizer: Connection['authorizer']
  readonly protocol: string | undefined
}

interface Refusal {
  readonly refused: number
}

const isRefusal = (value: object): value is Refusal => 'refused' in value

const jsonHeaders = { 'Content-Type': 'application/json' }

const messageBody = (statusCode: number): string => JSON.stringify({ message: STATUS_CODES[statusCode] ?? '' })

/** `$request.body.action`, turned into a string; empty when there is none or the message is not JSON. */
const actionOf = (body: string): string => {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return ''
  }
  if (typeof parsed !== 'object' || parsed === null || !('action' in parsed)) return ''
  const { action } = parsed
  return typeof action === 'object' ? '' : String(action)
}

const responseFields = new Set(['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded'])

/**
 * Reads what a function behind a WebSocket route returned; `undefined`: it is not a Lambda proxy response (an integer
 * `statusCode`, a string as `body`, and no field that a response does not have).
 */
const proxyResponse = (
  payload: unknown,
): { statusCode: number; body: string; protocol: string | undefined } | undefined => {
  if (typeof payload !== 'object' || payload === null) return undefined
  for (const field of Object.keys(payload)) if (!responseFields.has(field)) return undefined
  const { statusCode, body, headers }: { statusCode?: unknown; body?: unknown; headers?: unknown } = payload
  if (typeof statusCode !== 'number' || !Number.isInteger(statusCode)) return undefined
  if (body !== undefined && body !== null && typeof body !== 'string') return undefined
  return { statusCode, body: body ?? '', protocol: protocolOf(headers) }
}

const protocolOf = (headers: unknown): string | undefined => {
  if (typeof headers !== 'object' || headers === null) return undefined
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === 'sec-websocket-protocol')
  return typeof found?.[1] === 'string' ? found[1] : undefined
}

/** The code with which `ws` closes after a fault in what the client sent; other errors are those of the socket. */
const endingOf = (error: Error): Ending => {
  const code = 'code' in error ? error.code : undefined
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') {
    return { code: 1009, reason: error.message }
  }
  if (code === 'WS_ERR_INVALID_UTF8') return { code: 1007, reason: error.message }
  return typeof code === 'string' && code.startsWith('WS_ERR_')
    ? { code: 1002, reason: error.message }
    : { code: 1006, reason: '' }
}
