import type { Server } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Topology } from '../../topology.ts'
import type { FunctionHost } from '../functions/function-host.ts'
import { noPages, type Pages } from '../pages/pages.ts'
import { type GatewayFaults, noFaults } from './gateway-faults.ts'
import { type GatewayUnits, newGatewayUnits } from './gateway-units.ts'
import { createHttpApi } from './http-api.ts'
import { integrate } from './integration.ts'
import { createWebSocketApi } from './websocket-api.ts'

export interface Gateway {
  /** `http://127.0.0.1:<port>` */
  readonly httpUrl: string
  /** `ws://127.0.0.1:<port>` */
  readonly webSocketUrl: string
  /** The endpoint of the `@connections` API for the SDK, `http://127.0.0.1:<port>`. */
  readonly connectionsUrl: string
  /** Open WebSocket connections. */
  connectionCount(): number
  /** Set its fields to make API Gateway's own faults happen. */
  readonly faults: GatewayFaults
  /** As they are now. */
  readonly units: Readonly<GatewayUnits>
  /**
   * Takes no new requests, closes the sockets with 1012, waits for running events (those of `$disconnect` too) for at most
   * 2 s, during which functions still reach the `@connections` API, then cuts what is left. Repeating does nothing more.
   */
  stop(): Promise<void>
}

/** The part of the topology that a gateway serves. Without a default function an unknown path is 404. */
export type GatewayTopology = Pick<Topology, 'httpRoutes' | 'webSocketAuthorizer' | 'webSocketRoutes'> & {
  readonly httpDefaultFunction?: string
}

export interface GatewayOptions {
  topology: GatewayTopology
  functions: FunctionHost
  /** 0: any free port. */
  httpPort: number
  webSocketPort: number
  /** Exact origins, or `*`; empty switches CORS off, and functions see `OPTIONS`. */
  corsOrigins: readonly string[]
  /** Pages for people at the address of the HTTP API; none unless said otherwise. */
  pages?: Pages
  /** 10 minutes as on AWS, unless said otherwise. */
  idleTimeoutMs?: number
  /** 2 hours as on AWS, unless said otherwise. */
  maxConnectionMs?: number
  /** How long a function is waited for: 30 s in the HTTP API and 29 s in the WebSocket API as on AWS, unless said otherwise. */
  integrationTimeoutMs?: number
  /** What may wait for a client that reads slowly before posts to it are 429; 1 MB unless said otherwise. AWS's own figure is unknown. */
  sendBufferBytes?: number
  log: (text: string) => void
}

const stopTimeoutMs = 2000

/**
 * Starts API Gateway's two APIs on 127.0.0.1: an HTTP API, and a WebSocket API whose port serves `/@connections/` too.
 * Rejects when a port is in use, and says how to choose another; then nothing runs.
 */
export const startGateway = async (options: GatewayOptions): Promise<Gateway> => {
  const { topology, log } = options
  const integration = integrate(options.functions, log)
  const faults = noFaults()
  const units = newGatewayUnits()

  const httpServer = createHttpApi({
    integration,
    units,
    log,
    routes: topology.httpRoutes,
    defaultFunction: topology.httpDefaultFunction,
    corsOrigins: options.corsOrigins,
    pages: options.pages ?? noPages,
    integrationTimeoutMs: options.integrationTimeoutMs ?? 30_000,
  })
  const webSocketApi = createWebSocketApi({
    integration,
    faults,
    units,
    log,
    routes: topology.webSocketRoutes,
    authorizer: topology.webSocketAuthorizer,
    integrationTimeoutMs: options.integrationTimeoutMs ?? 29_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 10 * 60_000,
    maxConnectionMs: options.maxConnectionMs ?? 2 * 60 * 60_000,
    sendBufferBytes: options.sendBufferBytes ?? 1024 * 1024,
  })

  const httpPort = await listen(httpServer, options.httpPort, 'the HTTP API', 'PORT')
  const webSocketPort = await listen(webSocketApi.server, options.webSocketPort, 'the WebSocket API', 'WS_PORT').catch(
    async error => {
      await closed(httpServer)
      throw error
    },
  )

  const stop = async (): Promise<void> => {
    const httpClosed = closed(httpServer)
    webSocketApi.drain()
    const deadline = Date.now() + stopTimeoutMs
    while ((webSocketApi.socketCount() > 0 || integration.running() > 0) && Date.now() < deadline) await delay(5)
    webSocketApi.terminate()
    const webSocketClosed = closed(webSocketApi.server)
    httpServer.closeAllConnections()
    webSocketApi.server.closeAllConnections()
    await Promise.all([httpClosed, webSocketClosed])
  }
  let stopped: Promise<void> | undefined

  return {
    httpUrl: `http://127.0.0.1:${httpPort}`,
    webSocketUrl: `ws://127.0.0.1:${webSocketPort}`,
    connectionsUrl: `http://127.0.0.1:${webSocketPort}`,
    connectionCount: webSocketApi.connectionCount,
    faults,
    get units() {
      return { ...units, connectionMs: units.connectionMs + webSocketApi.openConnectionMs() }
    },
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}

/** Resolves to the port that it listens on. */
const listen = (server: Server, port: number, what: string, variable: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', error => {
      const inUse = 'code' in error && error.code === 'EADDRINUSE'
      reject(
        inUse
          ? new Error(`Port ${port} for ${what} is in use. Choose another one with ${variable}=<port>.`, {
              cause: error,
            })
          : error,
      )
    })
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })

const closed = (server: Server): Promise<void> => new Promise(resolve => server.close(() => resolve()))
