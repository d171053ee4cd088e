import { handleWhenResult, retry } from 'cockatiel'
import { patience } from './patience.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Parsed where it is JSON. */
  readonly body: unknown
}

export interface Request {
  readonly token?: string
  /** Sent as JSON, unless it is text. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const timeoutMs = 20_000

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Asks the HTTP API once, as `PUT /path?query`. Rejects when it does not answer. */
export const askOnce = async (baseUrl: string, target: string, request: Request = {}): Promise<Answer> => {
  const [method = '', path = ''] = target.split(/ (.*)/s)
  const { token, body, headers } = request
  const response = await fetch(baseUrl.replace(/\/$/, '') + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  })
  return { status: response.status, headers: response.headers, body: parsed(await response.text()) }
}

const untilStoresAnswer = retry(
  handleWhenResult(answer => (answer as Answer).status === 503),
  patience,
)

/** The same; asks again after a 503, as clients do. */
export const ask = (baseUrl: string, target: string, request?: Request): Promise<Answer> =>
  untilStoresAnswer.execute(() => askOnce(baseUrl, target, request))
