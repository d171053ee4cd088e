import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { compileRoutes } from '../../infra/local/gateway/http-routes.ts'
import { topology } from '../../infra/topology.ts'
import type { ProblemDocument } from '../../shared/platform/problem.schema.ts'
import { checkAck, checkAnswer, checkEvent } from './documented.ts'
import { testStack } from './stack.ts'

export interface WireAnswer<Body = Record<string, unknown>> {
  status: number
  headers: Headers
  body: Body
}

export interface WireRequest {
  token?: string
  /** Sent as JSON. */
  body?: unknown
  /** Sent as it is, without a content type of its own. */
  rawBody?: string | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
}

const requestTimeoutMs = 15_000

const routeOf = compileRoutes(topology.httpRoutes, topology.httpDefaultFunction)

/** Answers to a preflight, or without their body, are not described, nor is what API Gateway answers by itself. */
const isDescribed = (method: string, body: unknown): boolean =>
  method !== 'OPTIONS' && method !== 'HEAD' && Object.keys(body ?? {}).join() !== 'message'

/**
 * Sends a request to the stack of this run, as `PUT /path?query`, and reads its answer, which is JSON or empty. Rejects an answer
 * that is not as the API documents say.
 */
export const request = async <Body = Record<string, unknown>>(
  target: string,
  { token, body, rawBody, headers = {} }: WireRequest = {},
): Promise<WireAnswer<Body>> => {
  const [method = '', path = ''] = target.split(/ (.*)/s)
  const sent =
    rawBody === undefined ? JSON.stringify(body) : typeof rawBody === 'string' ? Buffer.from(rawBody) : rawBody
  const response = await fetch(testStack().outputs.HttpApiUrl + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(sent !== undefined && { body: sent }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  })
  const text = await response.text()
  const { status, headers: received } = response
  const answer = { status, headers: received, body: (text ? JSON.parse(text) : undefined) as Body }
  if (isDescribed(method, answer.body)) {
    const { pathname } = new URL(path, testStack().outputs.HttpApiUrl)
    const { routeKey = '$default' } = routeOf(method, pathname) ?? {}
    checkAnswer(routeKey, { ...answer, contentType: received.get('content-type') ?? undefined })
  }
  return answer
}

export interface ServerFrame {
  event?: string
  requestId?: string
  data?: Record<string, unknown>
  error?: ProblemDocument
  at?: string
}

export interface WireSocket {
  /** Everything that has come, oldest first. */
  readonly frames: ServerFrame[]
  /** The data of every event of that name that has come. */
  events(event: string): Record<string, unknown>[]
  /** Sends a frame as JSON, a string or bytes as they are. */
  send(frame: unknown): void
  /** Sends an action with a `requestId` and waits for its ack or error. Rejects one that is not as the API documents say. */
  ask(action: string, data?: unknown): Promise<ServerFrame>
  /** Waits for a frame that has come or will come. */
  until(isWanted: (frame: ServerFrame) => boolean): Promise<ServerFrame>
  /** Waits for a frame that has not come yet. */
  next(isWanted: (frame: ServerFrame) => boolean): Promise<ServerFrame>
  /** Resolves to the code with which the socket was closed, by either side. */
  readonly closed: Promise<number>
  readonly isOpen: boolean
  /** Rejects when a frame has come by itself that is not as the API documents say. */
  close(): Promise<void>
}

/** What a refused handshake was answered with. */
export class HandshakeRefused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`The handshake was refused with ${status}`)
    this.status = status
  }
}

const answerTimeoutMs = 10_000

const watch = (socket: WebSocket): WireSocket => {
  const frames: ServerFrame[] = []
  const undocumented: unknown[] = []
  const collect = (check: () => void): void => {
    try {
      check()
    } catch (error) {
      undocumented.push(error)
    }
  }
  const waiting = new Set<{ isWanted: (frame: ServerFrame) => boolean; found: (frame: ServerFrame) => void }>()
  socket.on('message', data => {
    const frame: ServerFrame = JSON.parse(String(data))
    frames.push(frame)
    if (frame.event !== undefined && frame.requestId === undefined) collect(() => checkEvent(frame))
    for (const waiter of waiting) {
      if (!waiter.isWanted(frame)) continue
      waiting.delete(waiter)
      waiter.found(frame)
    }
  })
  const closed = new Promise<number>(resolve => socket.on('close', resolve))
  const next = (isWanted: (frame: ServerFrame) => boolean): Promise<ServerFrame> => {
    const timeout = new AbortController()
    const late = delay(answerTimeoutMs, undefined, { signal: timeout.signal, ref: false }).then(() => {
      throw new Error(`Nothing of the kind came. The last frames: ${JSON.stringify(frames.slice(-5))}`)
    })
    late.catch(() => {})
    const found = new Promise<ServerFrame>(found => waiting.add({ isWanted, found }))
    return Promise.race([found, late]).finally(() => timeout.abort())
  }
  const send = (frame: unknown): void =>
    socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame))
  return {
    frames,
    events: event => frames.filter(frame => frame.event === event).map(({ data = {} }) => data),
    send,
    ask: async (action, data) => {
      const requestId = randomUUID()
      const answering = next(frame => frame.requestId === requestId)
      send({ action, requestId, ...(data !== undefined && { data }) })
      const answer = await answering
      checkAck(action, answer)
      return answer
    },
    next,
    until: async isWanted => frames.find(isWanted) ?? next(isWanted),
    closed,
    get isOpen() {
      return socket.readyState === WebSocket.OPEN
    },
    close: async () => {
      socket.close()
      await closed
      if (undocumented.length > 0) throw undocumented[0]
    },
  }
}

/** Opens a socket with this token, or with this query in its place. Rejects with `HandshakeRefused`. */
export const openSocket = async (token: string, query = `?token=${token}`): Promise<WireSocket> => {
  const socket = new WebSocket(testStack().outputs.WebSocketUrl + query, { handshakeTimeout: answerTimeoutMs })
  const refused = new Promise<never>((_, reject) =>
    socket.on('unexpected-response', (clientRequest, response) => {
      clientRequest.destroy()
      reject(new HandshakeRefused(response.statusCode ?? 0))
    }),
  )
  const wire = watch(socket)
  await Promise.race([once(socket, 'open'), refused])
  socket.on('error', () => {})
  return wire
}
