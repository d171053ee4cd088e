import type { Connection } from './connections.ts'
import { type GatewayUnits, webSocketSteps } from './gateway-units.ts'

/** Sends one text message. `false`: the client reads too slowly, its buffer is full, and nothing was sent. */
export type SendMessage = (connection: Connection, message: string | Buffer) => boolean

const asText = { binary: false }

/** `bufferLimit`: bytes that may wait for a client. AWS does not say its own figure. */
export const createSender =
  (bufferLimit: number, units: GatewayUnits): SendMessage =>
  (connection, message) => {
    const { socket } = connection
    if (socket.bufferedAmount > bufferLimit) return false
    connection.lastActiveAt = Date.now()
    const bytes = typeof message === 'string' ? Buffer.byteLength(message) : message.length
    units.webSocketMessagesOut += webSocketSteps(bytes)
    units.bytesOut += bytes
    socket.send(message, asText)
    return true
  }
