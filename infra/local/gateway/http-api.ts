import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { HttpRoute } from '../../topology.ts'
import { type Pages, servePage } from '../pages/pages.ts'
import { createCors } from './cors.ts'
import { type GatewayUnits, httpSteps } from './gateway-units.ts'
import { httpEvent, targetOf } from './http-event.ts'
import { type HttpAnswer, httpAnswer } from './http-response.ts'
import { compileRoutes } from './http-routes.ts'
import { type Integration, tooLate } from './integration.ts'
import { nextRequestId } from './request-id.ts'

/** The request line and the headers together, in bytes; more is 431. */
const headerLimit = 10_240

const bodyLimit = 10 * 1024 * 1024

/** API Gateway's own bodies, which nobody can change. */
const messages = {
  404: 'Not Found',
  413: 'Request Entity Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const

/** What concerns the connection alone is the server's business. */
const connectionHeaders = ['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'upgrade']

/** One request with its response; `size` is what has come of its body, in bytes. */
interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  size: number
}

/**
 * An HTTP API of API Gateway (v2, stage `$default`) in front of functions: routes each request, hands it over as an event of
 * payload format 2.0, and answers with what the function returned. Its own answers have `{"message": …}` as body: 404
 * without a route, 413 for a body over 10 MB (or one that Lambda refuses, over 6 MB as JSON), 500 when a function fails,
 * runs out of its own time or returns something else than a response, 503 after the integration time-out.
 *
 * Returns the server; it does not listen yet.
 */
export const createHttpApi = (options: {
  routes: readonly HttpRoute[]
  /** Takes what no route matches; without it that is 404. */
  defaultFunction: string | undefined
  corsOrigins: readonly string[]
  /** What is served here that API Gateway does not have. */
  pages: Pages
  integrationTimeoutMs: number
  integration: Integration
  units: GatewayUnits
  log: (text: string) => void
}): Server => {
  const { integration, integrationTimeoutMs, units, log } = options
  const route = compileRoutes(options.routes, options.defaultFunction)
  const cors = createCors(options.corsOrigins)

  const send = ({ request, response, requestId, size }: Exchange, answer: HttpAnswer): void => {
    const headers = { ...answer.headers }
    for (const name of connectionHeaders) delete headers[name]
    if (cors.enabled) {
      for (const name of Object.keys(headers)) if (name.startsWith('access-control-')) delete headers[name]
      Object.assign(headers, cors.response(request.headers))
    }
    headers['apigw-requestid'] = requestId
    const length = Buffer.byteLength(answer.body)
    if (answer.statusCode !== 204 && answer.statusCode !== 304) headers['content-length'] = length
    units.httpRequests += httpSteps(Math.max(size, length))
    units.bytesOut += length
    response.writeHead(answer.statusCode, headers).end(answer.body)
  }

  const sendMessage = (exchange: Exchange, statusCode: keyof typeof messages): void =>
    send(exchange, {
      statusCode,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ message: messages[statusCode] }),
    })

  const serve = async (exchange: Exchange, body: Buffer): Promise<void> => {
    const { request, requestId } = exchange
    const target = targetOf(request.url ?? '/')
    const match = route(request.method ?? '', target.path)
    if (!match) return sendMessage(exchange, 404)
    const event = httpEvent(request, target, match, body, requestId)
    const result = await integration.invoke(match.function, event, integrationTimeoutMs)
    if (result === tooLate) return sendMessage(exchange, 503)
    if (result.errorType === 'RequestTooLargeException') return sendMessage(exchange, 413)
    const answer = result.outcome === 'ok' ? httpAnswer(result.payload) : undefined
    if (!answer) return sendMessage(exchange, 500)
    send(exchange, answer)
  }

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (servePage(options.pages, request, response)) return
    const exchange: Exchange = { request, response, requestId: nextRequestId(), size: 0 }
    if (cors.enabled && request.method === 'OPTIONS') {
      request.resume()
      units.httpRequests += 1
      response.writeHead(204, { 'apigw-requestid': exchange.requestId, ...cors.preflight(request.headers) }).end()
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => {
      exchange.size += chunk.length
      if (exchange.size <= bodyLimit) chunks.push(chunk)
    })
    request.on('end', () => {
      if (exchange.size > bodyLimit) return sendMessage(exchange, 413)
      serve(exchange, Buffer.concat(chunks)).catch((error: unknown) => {
        log(`A response could not be sent: ${error}`)
        if (!response.headersSent) sendMessage(exchange, 500)
      })
    })
    request.on('error', () => response.destroy())
  }

  return createServer({ maxHeaderSize: headerLimit, keepAliveTimeout: 60_000, requestTimeout: 30_000 }, onRequest)
}
