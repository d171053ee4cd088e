import type { OutgoingHttpHeaders } from 'node:http'

export interface HttpAnswer {
  readonly statusCode: number
  /** Names in lower case; `set-cookie` holds one entry for each cookie. */
  readonly headers: OutgoingHttpHeaders
  readonly body: string | Buffer
}

/**
 * Makes an HTTP response of what a function returned, by the rules of payload format 2.0: with a `statusCode` it is a
 * response; without one, all of it is the body of a 200 with JSON. `undefined`: its shape is wrong, which is a 500.
 */
export const httpAnswer = (payload: unknown): HttpAnswer | undefined => {
  if (!isRecord(payload) || payload.statusCode === undefined) return inferred(payload)
  const { statusCode, headers, cookies, body, isBase64Encoded } = payload
  if (typeof statusCode !== 'number' || !Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599)
    return undefined
  if (body !== undefined && body !== null && typeof body !== 'string') return undefined
  const outgoing = outgoingHeaders(headers, cookies)
  if (!outgoing) return undefined
  const text = body ?? ''
  if (text !== '') outgoing['content-type'] ??= 'text/plain;charset=UTF-8'
  return { statusCode, headers: outgoing, body: isBase64Encoded === true ? Buffer.from(text, 'base64') : text }
}

const inferred = (payload: unknown): HttpAnswer => ({
  statusCode: 200,
  headers: { 'content-type': 'application/json' },
  body: typeof payload === 'string' ? payload : JSON.stringify(payload),
})

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const outgoingHeaders = (headers: unknown, cookies: unknown): OutgoingHttpHeaders | undefined => {
  const outgoing: OutgoingHttpHeaders = {}
  if (headers !== undefined && headers !== null) {
    if (!isRecord(headers)) return undefined
    for (const [name, value] of Object.entries(headers)) {
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined
      outgoing[name.toLowerCase()] = String(value)
    }
  }
  if (cookies !== undefined && cookies !== null) {
    if (!Array.isArray(cookies) || !cookies.every(cookie => typeof cookie === 'string')) return undefined
    if (cookies.length > 0) outgoing['set-cookie'] = cookies
  }
  return outgoing
}
