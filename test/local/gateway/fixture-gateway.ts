import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import {
  createFunctionHost,
  type FunctionHost,
  type FunctionLogLine,
  type FunctionSettings,
} from '../../../infra/local/functions/function-host.ts'
import { type Gateway, type GatewayOptions, startGateway } from '../../../infra/local/gateway/gateway.ts'

/** The settings of a fixture function, `fixtures/<file>.mjs`. */
export const fixture = (file: string, settings: Partial<FunctionSettings> = {}): FunctionSettings => ({
  bundlePath: fileURLToPath(new URL(`./fixtures/${file}.mjs`, import.meta.url)),
  timeoutSeconds: 5,
  memoryMb: 128,
  environment: {},
  ...settings,
})

export interface FixtureGateway {
  gateway: Gateway
  functions: FunctionHost
  lines: FunctionLogLine[]
  /** The events that a function has printed so far. */
  events(functionName: string): Event[]
  stop(): Promise<void>
}

/** As much of an event as tests look into. */
export interface Event extends Record<string, unknown> {
  requestContext: Record<string, unknown>
}

/** A gateway with a function for each fixture, on free ports. */
export const startFixtureGateway = async (options: Partial<GatewayOptions> = {}): Promise<FixtureGateway> => {
  const lines: FunctionLogLine[] = []
  const functions = createFunctionHost({
    functions: {
      Authorizer: fixture('authorizer'),
      Connect: fixture('connect', { timeoutSeconds: 1 }),
      Disconnect: fixture('disconnect'),
      Message: fixture('message', { timeoutSeconds: 1 }),
      OneWay: fixture('message'),
      Http: fixture('http'),
      SlowHttp: fixture('http', { timeoutSeconds: 1 }),
    },
    log: line => lines.push(line),
  })
  const gateway = await startGateway({
    topology: {
      httpDefaultFunction: 'Http',
      httpRoutes: [
        { method: 'GET', path: '/items', function: 'Http' },
        { method: 'POST', path: '/items', function: 'Http' },
        { method: 'GET', path: '/items/newest', function: 'Http' },
        { method: 'GET', path: '/items/{id}', function: 'Http' },
        { method: 'DELETE', path: '/items/{id}/parts/{partId}', function: 'Http' },
        { method: 'GET', path: '/slow', function: 'SlowHttp' },
      ],
      webSocketAuthorizer: 'Authorizer',
      webSocketRoutes: [
        { key: '$connect', function: 'Connect', twoWay: false },
        { key: '$disconnect', function: 'Disconnect', twoWay: false },
        { key: '$default', function: 'Message', twoWay: true },
        { key: 'send', function: 'Message', twoWay: true },
        { key: '7', function: 'Message', twoWay: true },
        { key: 'tell', function: 'OneWay', twoWay: false },
      ],
    },
    functions,
    httpPort: 0,
    webSocketPort: 0,
    corsOrigins: [],
    log: text => lines.push({ function: 'gateway', stream: 'host', text }),
    ...options,
  }).catch(async error => {
    await functions.stop()
    throw error
  })
  return {
    gateway,
    functions,
    lines,
    events: name =>
      lines.filter(line => line.function === name && line.text.startsWith('{')).map(line => JSON.parse(line.text)),
    async stop() {
      await gateway.stop()
      await functions.stop()
    },
  }
}

/** Asks again and again, for at most 5 s, until there is an answer. */
export const eventually = async <Result>(ask: () => Result | undefined | false): Promise<Result> => {
  for (const deadline = Date.now() + 5000; ; await delay(10)) {
    const answer = ask()
    if (answer !== undefined && answer !== false) return answer
    if (Date.now() > deadline) throw new Error(`Not within 5 s: ${ask}`)
  }
}

export interface Client {
  socket: WebSocket
  send(message: unknown): void
  /** The next frame that has come or comes within 5 s. */
  next(): Promise<string>
  /** Frames that have come and were not taken by `next`. */
  frames: string[]
  closed: Promise<{ code: number; reason: string }>
}

/** Opens a socket; rejects with `Refused` when the handshake is answered otherwise. */
export const connect = (
  gateway: Gateway,
  query: Record<string, string> = {},
  options: { protocols?: string[]; headers?: Record<string, string> } = {},
): Promise<Client> =>
  new Promise((resolve, reject) => {
    const url = `${gateway.webSocketUrl}/?${new URLSearchParams({ token: 'allow', ...query })}`
    const socket = new WebSocket(url, options.protocols ?? [], { headers: options.headers ?? {} })
    const frames: string[] = []
    const client: Client = {
      socket,
      frames,
      send: message => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
      next: () => eventually(() => frames.shift()),
      closed: new Promise(done => {
        socket.on('close', (code, reason) => done({ code, reason: reason.toString() }))
      }),
    }
    socket.on('message', (data, isBinary) => frames.push(isBinary ? 'binary' : String(data)))
    socket.on('open', () => resolve(client))
    socket.on('unexpected-response', (_request, response) => {
      response.resume()
      reject(new Refused(response.statusCode ?? 0))
    })
    socket.on('error', reject)
  })

export class Refused extends Error {
  readonly statusCode: number

  constructor(statusCode: number) {
    super(`refused with ${statusCode}`)
    this.statusCode = statusCode
  }
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  text: string
}

/** One HTTP request with exactly these headers. */
export const request = (
  url: string,
  options: { method?: string; headers?: OutgoingHttpHeaders; body?: string | Buffer } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options
    const outgoing = httpRequest(url, { method, headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const received = Buffer.concat(chunks)
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: received,
          text: received.toString(),
        })
      })
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
