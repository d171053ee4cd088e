export interface WebSocketResponse {
  readonly statusCode: number
  /** Empty when the function returned none. */
  readonly body: string
  /** The header `Sec-WebSocket-Protocol`, in whatever letters. */
  readonly protocol: string | undefined
}

const fields = new Set(['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded'])

/**
 * Reads what a function behind a WebSocket route returned. `undefined`: that is not a Lambda proxy response, which needs an
 * HTTP status as `statusCode`, a string as `body` if any, and no field that a response does not have.
 */
export const webSocketResponse = (payload: unknown): WebSocketResponse | undefined => {
  if (typeof payload !== 'object' || payload === null) return undefined
  for (const field of Object.keys(payload)) if (!fields.has(field)) return undefined
  const { statusCode, body, headers }: { statusCode?: unknown; body?: unknown; headers?: unknown } = payload
  if (typeof statusCode !== 'number' || !Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599) {
    return undefined
  }
  if (body !== undefined && body !== null && typeof body !== 'string') return undefined
  return { statusCode, body: body ?? '', protocol: protocolOf(headers) }
}

const protocolOf = (headers: unknown): string | undefined => {
  if (typeof headers !== 'object' || headers === null) return undefined
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === 'sec-websocket-protocol')
  return typeof found?.[1] === 'string' ? found[1] : undefined
}
