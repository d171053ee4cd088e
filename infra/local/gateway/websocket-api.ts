import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { WebSocketRoute } from '../../topology.ts'
import { createSender } from './connection-sender.ts'
import type { Connection, Connections, Ending } from './connections.ts'
import { connectionsPath, createConnectionsApi } from './connections-api.ts'
import { watchFrameSizes } from './frame-sizes.ts'
import type { GatewayFaults } from './gateway-faults.ts'
import { type GatewayUnits, webSocketSteps } from './gateway-units.ts'
import { type Integration, tooLate } from './integration.ts'
import { compileRouteSelection } from './route-selection.ts'
import { type Admission, createAdmission } from './websocket-admission.ts'
import { disconnectEvent, messageEvent } from './websocket-events.ts'
import { webSocketResponse } from './websocket-response.ts'

export interface WebSocketApi {
  /** Serves upgrades and `/@connections/`; it does not listen yet. */
  readonly server: Server
  connectionCount(): number
  /** How long the connections that are open now have been, together; what has ended is counted among the units. */
  openConnectionMs(): number
  /** Refuses new connections (503) and closes the open ones with 1012. */
  drain(): void
  /** Sockets whose closing handshake is not done yet, open ones included. */
  socketCount(): number
  /** Cuts the sockets that are left, and handshakes that are still held. */
  terminate(): void
}

const frameLimit = 32 * 1024
const messageLimit = 128 * 1024
const headerLimit = 10_240

/** How long a client may take to answer a close frame before its socket is cut. */
const closeTimeoutMs = 2000

const goingAway: Ending = { code: 1001, reason: 'Going away' }
const serviceRestart: Ending = { code: 1012, reason: 'Service restart' }

/** How `$disconnect` names a close that came without a reason. */
const endingReasons: Record<number, string> = {
  1000: 'Connection Closed Normally',
  1001: goingAway.reason,
  1005: 'Client-side close frame status not set',
}

/**
 * A WebSocket API of API Gateway in front of functions.
 *
 * - A handshake is held until it is decided (see `createAdmission`). The subprotocol is what `$connect` returned, or none.
 *   Until `$connect` has returned, a post to the connection is 410.
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
  const routeOf = compileRouteSelection(options.routes)
  const functionOf = (key: string): string | undefined => options.routes.find(route => route.key === key)?.function
  const disconnectFunction = functionOf('$disconnect')
  const decide = createAdmission({
    authorizer: options.authorizer,
    connectFunction: functionOf('$connect'),
    integrationTimeoutMs,
    integration,
    log,
  })
  const connections: Connections = new Map()
  const admitted = new WeakMap<IncomingMessage, Admission>()
  const undecided = new Set<Socket>()
  const send = createSender(options.sendBufferBytes, units)
  let draining = false

  const close = (connection: Connection, ending: Ending): void => {
    if (connection.ending) return
    connection.ending = ending
    connections.delete(connection.id)
    connection.socket.close(ending.code, ending.reason)
  }

  const runDisconnect = (connection: Parameters<typeof disconnectEvent>[0], ending: Ending): void => {
    if (disconnectFunction === undefined || faults.lostDisconnects) return
    void integration.invoke(disconnectFunction, disconnectEvent(connection, ending), integrationTimeoutMs)
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
    const admission = admitted.get(request)
    if (!admission) throw new Error('A socket was opened that nobody let in')
    const { id, connectedAt, identity, domainName } = admission.handshake
    const connection: Connection = {
      id,
      socket,
      connectedAt,
      lastActiveAt: Date.now(),
      identity,
      domainName,
      authorizer: admission.authorizer,
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
    if (draining) close(connection, serviceRestart)
  }

  const reply = (connection: Connection, message: string): void => {
    if (!connection.ending && !send(connection, message)) log(`${connection.id} reads too slowly: a reply was dropped`)
  }

  const replyItself = (connection: Connection, message: string, requestId: string): void =>
    reply(connection, JSON.stringify({ message, connectionId: connection.id, requestId }))

  const onMessage = async (connection: Connection, body: string): Promise<void> => {
    const route = routeOf(body)
    const event = messageEvent(connection, route?.key ?? '$default', body)
    const { requestId } = event.requestContext
    if (!route) return replyItself(connection, 'Forbidden', requestId)
    const result = await integration.invoke(route.function, event, integrationTimeoutMs)
    const response = result !== tooLate && result.outcome === 'ok' ? webSocketResponse(result.payload) : undefined
    if (!response) return replyItself(connection, 'Internal server error', requestId)
    if (route.twoWay && response.body !== '') reply(connection, response.body)
  }

  const sockets = new WebSocketServer({
    ...serverOptions,
    handleProtocols: (_offered, request) => admitted.get(request)?.protocol ?? false,
    verifyClient: ({ req }, done) => {
      const { socket } = req
      if (draining) return done(false, 503, messageBody(503), jsonHeaders)
      undecided.add(socket)
      void decide(req).then(decision => {
        undecided.delete(socket)
        if ('refused' in decision) return done(false, decision.refused, messageBody(decision.refused), jsonHeaders)
        admitted.set(req, decision)
        const gone = socket.destroyed || !socket.readable || !socket.writable
        if (gone) runDisconnect({ ...decision.handshake, authorizer: decision.authorizer }, { code: 1006, reason: '' })
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
    if (request.url?.startsWith(connectionsPath)) {
      units.connectionsRequests += 1
      return connectionsApi(request, response)
    }
    request.resume()
    response.writeHead(403, jsonHeaders).end(messageBody(403))
  })
  server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, open))

  return {
    server,
    connectionCount: () => connections.size,
    openConnectionMs: () => {
      const now = Date.now()
      return connections.values().reduce((sum, { connectedAt }) => sum + now - connectedAt, 0)
    },
    socketCount: () => sockets.clients.size,
    drain() {
      draining = true
      for (const connection of [...connections.values()]) close(connection, serviceRestart)
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

const jsonHeaders = { 'Content-Type': 'application/json' }

const messageBody = (statusCode: number): string => JSON.stringify({ message: STATUS_CODES[statusCode] ?? '' })

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
