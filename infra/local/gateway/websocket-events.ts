import type { IncomingMessage } from 'node:http'
import { clfTime } from './clf-time.ts'
import type { Connection, Ending } from './connections.ts'
import { newConnectionId, nextRequestId } from './request-id.ts'

type Identified = Pick<Connection, 'id' | 'connectedAt' | 'identity' | 'domainName'>

/** What is known of a connection before it exists. */
export interface Handshake extends Identified {
  readonly headers: Record<string, string>
  readonly multiValueHeaders: Record<string, string[]>
  readonly queryStringParameters?: Record<string, string>
  readonly multiValueQueryStringParameters?: Record<string, string[]>
}

/** An event of a WebSocket API's Lambda proxy, in the lean form: what does not apply is left out, not null. */
export interface WebSocketEvent extends Record<string, unknown> {
  readonly requestContext: { readonly requestId: string } & Record<string, unknown>
}

const apiId = 'local'
const stage = 'local'

/** The ARN that `$connect` is authorized for. */
export const connectArn = `arn:aws:execute-api:us-east-1:000000000000:${apiId}/${stage}/$connect`

/** What concerns the connection alone does not reach a function. */
const dropped = new Set(['connection', 'upgrade', 'keep-alive'])

/** Reads an upgrade request, and gives the connection that it asks for its id. */
export const handshakeOf = (request: IncomingMessage): Handshake => {
  const connectedAt = Date.now()
  const sourceIp = request.socket.remoteAddress ?? ''
  const userAgent = request.headers['user-agent']
  const multiValueHeaders: Record<string, string[]> = {}
  const add = (name: string, value: string): void => {
    multiValueHeaders[name] = [...(multiValueHeaders[name] ?? []), value]
  }
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] ?? ''
    if (!dropped.has(name.toLowerCase())) add(name, request.rawHeaders[index + 1] ?? '')
  }
  add('X-Amzn-Trace-Id', `Root=1-${Math.floor(connectedAt / 1000).toString(16)}-${'0'.repeat(24)}`)
  add('X-Forwarded-For', sourceIp)
  add('X-Forwarded-Port', String(request.socket.localPort ?? ''))
  add('X-Forwarded-Proto', 'http')
  return {
    id: newConnectionId(),
    connectedAt,
    identity: { sourceIp, ...(userAgent !== undefined && { userAgent }) },
    domainName: request.headers.host ?? '',
    headers: lastOf(multiValueHeaders),
    multiValueHeaders,
    ...queryOf(request.url ?? ''),
  }
}

const queryOf = (url: string): Pick<Handshake, 'queryStringParameters' | 'multiValueQueryStringParameters'> => {
  const question = url.indexOf('?')
  if (question < 0 || question === url.length - 1) return {}
  const multiValueQueryStringParameters: Record<string, string[]> = {}
  for (const [name, value] of new URLSearchParams(url.slice(question + 1))) {
    multiValueQueryStringParameters[name] = [...(multiValueQueryStringParameters[name] ?? []), value]
  }
  return { queryStringParameters: lastOf(multiValueQueryStringParameters), multiValueQueryStringParameters }
}

const lastOf = (values: Record<string, string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, list]) => [name, list.at(-1) ?? '']))

const contextOf = (
  connection: Identified,
  routeKey: string,
  eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT',
  authorizer: Connection['authorizer'] | undefined,
) => {
  const now = Date.now()
  const requestId = nextRequestId()
  return {
    routeKey,
    ...(authorizer && { authorizer }),
    eventType,
    extendedRequestId: requestId,
    requestTime: clfTime(now),
    messageDirection: 'IN',
    stage,
    connectedAt: connection.connectedAt,
    requestTimeEpoch: now,
    identity: connection.identity,
    requestId,
    domainName: connection.domainName,
    connectionId: connection.id,
    apiId,
  }
}

const handshakeFields = ({ id, connectedAt, identity, domainName, ...fields }: Handshake) => fields

/** What the authorizer gets: a request, not yet with anybody's name on it. */
export const authorizerEvent = (handshake: Handshake): WebSocketEvent => ({
  type: 'REQUEST',
  methodArn: connectArn,
  ...handshakeFields(handshake),
  stageVariables: {},
  requestContext: contextOf(handshake, '$connect', 'CONNECT', undefined),
})

export const connectEvent = (handshake: Handshake, authorizer: Connection['authorizer']): WebSocketEvent => ({
  ...handshakeFields(handshake),
  requestContext: contextOf(handshake, '$connect', 'CONNECT', authorizer),
  isBase64Encoded: false,
})

export const messageEvent = (
  connection: Identified & Pick<Connection, 'authorizer'>,
  routeKey: string,
  body: string,
): WebSocketEvent => ({
  requestContext: {
    ...contextOf(connection, routeKey, 'MESSAGE', connection.authorizer),
    messageId: nextRequestId(),
  },
  body,
  isBase64Encoded: false,
})

export const disconnectEvent = (
  connection: Identified & Pick<Connection, 'authorizer'>,
  { code, reason }: Ending,
): WebSocketEvent => {
  const headers = { Host: connection.domainName, 'x-api-key': '', 'X-Forwarded-For': '', 'x-restapi': '' }
  return {
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    requestContext: {
      ...contextOf(connection, '$disconnect', 'DISCONNECT', connection.authorizer),
      disconnectStatusCode: code,
      disconnectReason: reason,
    },
    isBase64Encoded: false,
  }
}
