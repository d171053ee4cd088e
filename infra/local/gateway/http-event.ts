import type { IncomingMessage } from 'node:http'
import { clfTime } from './clf-time.ts'
import type { RouteMatch } from './http-routes.ts'

/** Where a request was sent: the decoded path, and the query as it was written. */
export interface Target {
  readonly path: string
  readonly rawQuery: string
}

/**
 * HTTP APIs decode the path before they route it, and cut it at a `?` that comes out of that; so a `%2F` ends a segment. A
 * path that can't be decoded stays as it is.
 */
export const targetOf = (url: string): Target => {
  const question = url.indexOf('?')
  const written = question < 0 ? url : url.slice(0, question)
  let path = written
  try {
    path = decodeURIComponent(written).replace(/\?.*/s, '')
  } catch {
    path = written
  }
  return { path, rawQuery: question < 0 ? '' : url.slice(question + 1) }
}

/** An event of an HTTP API's Lambda proxy, payload format 2.0, on the stage `$default`. */
export const httpEvent = (
  request: IncomingMessage,
  { path, rawQuery }: Target,
  match: RouteMatch,
  body: Buffer,
  requestId: string,
): Record<string, unknown> => {
  const now = Date.now()
  const sourceIp = request.socket.remoteAddress ?? ''
  const { headers, cookies } = headersOf(request, body.length, sourceIp, now)
  const domainName = headers.host ?? ''
  const text = isText(headers['content-type'])
  return {
    version: '2.0',
    routeKey: match.routeKey,
    rawPath: path,
    rawQueryString: rawQuery,
    ...(cookies.length > 0 && { cookies }),
    headers,
    ...(rawQuery !== '' && { queryStringParameters: queryOf(rawQuery) }),
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName,
      domainPrefix: domainName.split('.')[0],
      http: {
        method: request.method,
        path,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId,
      routeKey: match.routeKey,
      stage: '$default',
      time: clfTime(now),
      timeEpoch: now,
    },
    ...(match.pathParameters && { pathParameters: match.pathParameters }),
    ...(body.length > 0 && { body: body.toString(text ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !text,
  }
}

/** What concerns the connection alone does not reach a function. */
const dropped = new Set(['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect'])

const headersOf = (
  request: IncomingMessage,
  length: number,
  sourceIp: string,
  now: number,
): { headers: Record<string, string>; cookies: string[] } => {
  const headers: Record<string, string> = {}
  const cookies: string[] = []
  const raw = request.rawHeaders
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    const value = raw[index + 1] ?? ''
    if (name === 'cookie') cookies.push(...value.split('; '))
    else if (!dropped.has(name)) headers[name] = name in headers ? `${headers[name]},${value}` : value
  }
  headers['content-length'] = String(length)
  headers['x-amzn-trace-id'] = `Root=1-${Math.floor(now / 1000).toString(16)}-${'0'.repeat(24)}`
  headers['x-forwarded-for'] = headers['x-forwarded-for'] ? `${headers['x-forwarded-for']}, ${sourceIp}` : sourceIp
  headers['x-forwarded-port'] = String(request.socket.localPort ?? '')
  headers['x-forwarded-proto'] = 'http'
  return { headers, cookies }
}

const queryOf = (rawQuery: string): Record<string, string> => {
  const parameters: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(rawQuery)) {
    parameters[name] = name in parameters ? `${parameters[name]},${value}` : value
  }
  return parameters
}

/** The only bodies that arrive as plain text; everything else, no content type included, is base64. */
const isText = (contentType: string | undefined): boolean => {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  return (
    type.startsWith('text/') ||
    type === 'application/json' ||
    type === 'application/xml' ||
    type === 'application/javascript'
  )
}
