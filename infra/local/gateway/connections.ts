import type { WebSocket } from 'ws'

/** How a connection ended, as `$disconnect` is told. */
export interface Ending {
  readonly code: number
  readonly reason: string
}

/** One open WebSocket connection. */
export interface Connection {
  readonly id: string
  readonly socket: WebSocket
  /** Milliseconds since 1970. */
  readonly connectedAt: number
  /** When the last message came or went, milliseconds since 1970. */
  lastActiveAt: number
  readonly identity: { readonly sourceIp: string; readonly userAgent?: string }
  readonly domainName: string
  /** What the authorizer said, for `requestContext.authorizer` of every event. */
  readonly authorizer: Readonly<Record<string, string | number>>
  /** Set when the gateway closes it: whatever the client answers, this is what `$disconnect` is told. */
  ending?: Ending
}

/** Every open connection by id; one that is still inside `$connect`, or is being closed, is not in it. */
export type Connections = Map<string, Connection>
