/** What API Gateway would bill, and no more than plain counters, so that counting costs nothing. */
export interface GatewayUnits {
  /** Requests of the HTTP API, one for each 512 KB of a request or its response, begun. */
  httpRequests: number
  /** Messages from clients, one for each 32 KB begun. */
  webSocketMessagesIn: number
  /** Messages to clients, by post or by route response, one for each 32 KB begun. */
  webSocketMessagesOut: number
  /** Requests of functions to the `@connections` API, which are not billed by themselves. */
  connectionsRequests: number
  /** Bytes of messages and of bodies of responses to clients. */
  bytesOut: number
  /** Milliseconds of connection. */
  connectionMs: number
}

export const newGatewayUnits = (): GatewayUnits => ({
  httpRequests: 0,
  webSocketMessagesIn: 0,
  webSocketMessagesOut: 0,
  connectionsRequests: 0,
  bytesOut: 0,
  connectionMs: 0,
})

const webSocketStep = 32 * 1024

export const webSocketSteps = (bytes: number): number => (bytes <= webSocketStep ? 1 : Math.ceil(bytes / webSocketStep))

const httpStep = 512 * 1024

export const httpSteps = (bytes: number): number => (bytes <= httpStep ? 1 : Math.ceil(bytes / httpStep))
