import type { IncomingMessage, ServerResponse } from 'node:http'
import { WebSocket } from 'ws'
import type { SendMessage } from './connection-sender.ts'
import type { Connection, Connections } from './connections.ts'
import { type GatewayFaults, happens } from './gateway-faults.ts'
import { isConnectionId, nextRequestId } from './request-id.ts'

export const connectionsPath = '/@connections/'

const messageLimit = 128 * 1024

/**
 * The management API of a WebSocket API, `/@connections/{id}`: `POST` sends its body as one text message (200), `GET` tells
 * about the connection (200, JSON), `DELETE` closes it with 1000 (204).
 *
 * The SDK chooses its error class by the header `x-amzn-ErrorType` alone: `GoneException` (410, empty body: unknown, closed,
 * or still inside `$connect`), `BadRequestException` (400: no such thing as an id), `PayloadTooLargeException` (413: over 128
 * KB), `ForbiddenException` (403: not signed; that a signature is right is not checked), `LimitExceededException` (429: the
 * client reads too slowly, or a fault).
 */
export const createConnectionsApi = (options: {
  connections: Connections
  send: SendMessage
  close: (connection: Connection, code: number, reason: string) => void
  faults: GatewayFaults
}): ((request: IncomingMessage, response: ServerResponse) => void) => {
  const { connections, send, close, faults } = options

  const openOne = (id: string): Connection | undefined => {
    const connection = connections.get(id)
    return connection?.socket.readyState === WebSocket.OPEN ? connection : undefined
  }

  const post = (id: string, body: Buffer, response: ServerResponse): void => {
    const connection = openOne(id)
    if (!connection) refuse(response, 410, 'GoneException')
    else if (happens(faults.throttledPosts)) refuse(response, 429, 'LimitExceededException', 'Rate exceeded')
    else if (happens(faults.swallowedPosts) || send(connection, body)) {
      response.writeHead(200, { 'content-length': 0, 'x-amzn-requestid': nextRequestId() }).end()
    } else refuse(response, 429, 'LimitExceededException', 'The client does not read fast enough')
  }

  const postLater = (id: string, body: Buffer, response: ServerResponse): void => {
    if (faults.postLatencyMs === 0) post(id, body, response)
    else setTimeout(() => post(id, body, response), faults.postLatencyMs)
  }

  const receive = (id: string, request: IncomingMessage, response: ServerResponse): void => {
    let first: Buffer | undefined
    let all: Buffer[] | undefined
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > messageLimit) return
      if (!first) first = chunk
      else if (all) all.push(chunk)
      else all = [first, chunk]
    })
    request.on('end', () => {
      if (size > messageLimit) refuse(response, 413, 'PayloadTooLargeException', 'Message too long')
      else postLater(id, all ? Buffer.concat(all, size) : (first ?? Buffer.alloc(0)), response)
    })
    request.on('error', () => response.destroy())
  }

  const tell = (connection: Connection, response: ServerResponse): void => {
    const body = JSON.stringify({
      connectedAt: new Date(connection.connectedAt).toISOString(),
      lastActiveAt: new Date(connection.lastActiveAt).toISOString(),
      identity: connection.identity,
    })
    response.writeHead(200, { 'content-type': 'application/json', 'x-amzn-requestid': nextRequestId() }).end(body)
  }

  const remove = (connection: Connection, response: ServerResponse): void => {
    close(connection, 1000, 'Connection Closed Normally')
    response.writeHead(204, { 'x-amzn-requestid': nextRequestId() }).end()
  }

  const answerWithoutBody = (id: string | undefined, request: IncomingMessage, response: ServerResponse): void => {
    request.resume()
    if (!isSigned(request)) {
      refuse(response, 403, 'ForbiddenException', 'Missing Authentication Token')
    } else if (id === undefined || !isConnectionId(id)) {
      refuse(response, 400, 'BadRequestException', `Invalid connectionId: ${id ?? ''}`)
    } else {
      const connection = openOne(id)
      if (!connection) refuse(response, 410, 'GoneException')
      else if (request.method === 'GET') tell(connection, response)
      else if (request.method === 'DELETE') remove(connection, response)
      else refuse(response, 403, 'ForbiddenException', 'Forbidden')
    }
  }

  return (request, response) => {
    const id = idOf(request.url ?? '')
    if (request.method === 'POST' && id !== undefined && isConnectionId(id) && isSigned(request)) {
      receive(id, request, response)
    } else answerWithoutBody(id, request, response)
  }
}

const isSigned = (request: IncomingMessage): boolean =>
  request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 ') ?? false

const idOf = (url: string): string | undefined => {
  const question = url.indexOf('?')
  try {
    return decodeURIComponent(url.slice(connectionsPath.length, question < 0 ? undefined : question))
  } catch {
    return undefined
  }
}

/** Without a message the body is empty, as the real 410's is. */
const refuse = (response: ServerResponse, statusCode: number, errorType: string, message?: string): void => {
  const body = message === undefined ? '' : JSON.stringify({ message })
  response
    .writeHead(statusCode, {
      'x-amzn-ErrorType': errorType,
      'x-amzn-requestid': nextRequestId(),
      'content-length': Buffer.byteLength(body),
      ...(body !== '' && { 'content-type': 'application/json' }),
    })
    .end(body)
}
