import { backOffMs } from './back-off.ts'
import type { Credentials } from './credentials.ts'
import { type Environment, pause } from './environment.ts'
import { asChatProblem, ChatProblem } from './problem.ts'
import type { RequestOptions, Routes } from './routes.ts'
import type { ProblemDocument } from './service.ts'

/** Longer than the gateway waits for a function. */
const answerTimeoutMs = 31_000
const maxAttempts = 4

export interface Http {
  /**
   * Sends a request and resolves with its answer. What may succeed later is tried four times in all, with growing pauses; each
   * request of the service may be repeated without harm. Rejects with a `ChatProblem`.
   */
  request<Route extends keyof Routes>(route: Route, ...options: RequestOptions<Route>): Promise<Routes[Route]['answer']>
  /** The same, tried once only; rejects as soon as it is called off, too. */
  requestOnce<Route extends keyof Routes>(
    signal: AbortSignal | undefined,
    route: Route,
    ...options: RequestOptions<Route>
  ): Promise<Routes[Route]['answer']>
}

interface Request {
  method: string
  path: string
  body: object | undefined
}

type Values = Readonly<Record<string, string | number | boolean | undefined>>

/** `GET /conversations/{id}` with its values in their places. */
const requestOf = (route: string, options: { params?: Values; query?: Values; body?: object }): Request => {
  const { params = {}, query = {}, body } = options
  const [method = '', template = ''] = route.split(' ')
  const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(params[name])))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  const text = search.toString()
  return { method, path: text ? `${path}?${text}` : path, body }
}

/** The gateway's own answers have no problem in them. */
const problemOf = async (response: Response): Promise<ChatProblem> => {
  const { status } = response
  const document = (await response.json().catch(() => ({}))) as Partial<ProblemDocument>
  const retryAfter = Number(response.headers.get('retry-after')) || undefined
  return new ChatProblem({
    code: `http_${status}`,
    detail: response.statusText,
    ...document,
    status,
    retryAfterSeconds: document.retryAfterSeconds ?? retryAfter,
  })
}

export const createHttp = (environment: Environment, baseUrl: string, credentials: Credentials): Http => {
  const sendOnce = async ({ method, path, body }: Request, signal?: AbortSignal): Promise<unknown> => {
    const token = await credentials.token()
    const abort = new AbortController()
    const giveUp = () => abort.abort()
    const cancel = environment.after(answerTimeoutMs, giveUp)
    signal?.addEventListener('abort', giveUp)
    try {
      signal?.throwIfAborted()
      const response = await environment.fetch(baseUrl + path, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
        signal: abort.signal,
        ...(body && { body: JSON.stringify(body) }),
      })
      if (response.status === 401) credentials.refuse(token)
      if (!response.ok) throw await problemOf(response)
      const answer = response.status === 204 ? undefined : await response.json()
      signal?.throwIfAborted()
      return answer
    } finally {
      cancel()
      signal?.removeEventListener('abort', giveUp)
    }
  }

  const send = async (request: Request): Promise<unknown> => {
    let wasRefused = false
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await sendOnce(request)
      } catch (error) {
        const problem = asChatProblem(error)
        const isRefused = problem.status === 401
        if (isRefused ? wasRefused : !problem.isRetryable || attempt === maxAttempts) throw problem
        wasRefused ||= isRefused
        if (!isRefused) await pause(environment, backOffMs(environment, attempt, problem.retryAfterSeconds))
      }
    }
  }

  return {
    request: async (route, ...[options]) => (await send(requestOf(route, options ?? {}))) as never,
    requestOnce: async (signal, route, ...[options]) =>
      (await sendOnce(requestOf(route, options ?? {}), signal)) as never,
  }
}
