import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

/** What the HTTP API lets browsers of other origins do. The stack's CORS configuration says the same. */
export const corsRules = {
  allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: ['authorization', 'content-type'],
  exposeHeaders: ['apigw-requestid', 'retry-after'],
  maxAgeSeconds: 3600,
} as const

/** Cross-origin requests as an HTTP API with a CORS configuration treats them. */
export interface Cors {
  /** The gateway answers `OPTIONS` itself and drops the CORS headers of functions. Not so without origins. */
  readonly enabled: boolean
  /** The headers of the 204 that answers `OPTIONS`: none unless it is a preflight from an allowed origin. */
  preflight(headers: IncomingHttpHeaders): OutgoingHttpHeaders
  /** The headers to add to every other response: none unless the origin is allowed. */
  response(headers: IncomingHttpHeaders): OutgoingHttpHeaders
}

/** `origins` are compared exactly, `*` allows all; none switches CORS off. */
export const createCors = (origins: readonly string[]): Cors => {
  const all = origins.includes('*')
  const allowed = (origin: string | undefined): string | undefined =>
    origin !== undefined && (all || origins.includes(origin)) ? (all ? '*' : origin) : undefined

  return {
    enabled: origins.length > 0,
    preflight(headers) {
      const origin = allowed(headers.origin)
      if (!origin || !headers['access-control-request-method']) return {}
      return {
        'access-control-allow-origin': origin,
        'access-control-allow-methods': corsRules.allowMethods.join(','),
        'access-control-allow-headers': corsRules.allowHeaders.join(','),
        'access-control-max-age': String(corsRules.maxAgeSeconds),
      }
    },
    response(headers) {
      const origin = allowed(headers.origin)
      if (!origin) return {}
      return {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': corsRules.exposeHeaders.join(','),
      }
    },
  }
}
