import type { Duplex } from 'node:stream'

/**
 * Reads along with what a WebSocket client sends and calls `onTooLarge` once, at the header of the first frame whose payload
 * is longer than `limit` bytes, before anything else sees that part of the stream; then it stops reading along. `ws` hands
 * out whole messages and doesn't tell the sizes of their frames. Only headers are looked at, so it costs next to nothing.
 */
export const watchFrameSizes = (stream: Duplex, limit: number, onTooLarge: () => void): void => {
  const header = Buffer.alloc(10)
  let length = 0
  let skip = 0

  const onData = (chunk: Buffer): void => {
    let position = 0
    while (position < chunk.length) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - position)
        skip -= step
        position += step
        continue
      }
      header[length] = chunk[position] ?? 0
      length += 1
      position += 1
      const payload = payloadLength(header, length)
      if (payload === undefined) continue
      if (payload > limit) {
        stream.off('data', onData)
        onTooLarge()
        return
      }
      skip = maskLength + payload
      length = 0
    }
  }
  stream.prependListener('data', onData)
}

/** A client masks every frame, with four bytes between header and payload. */
const maskLength = 4

/** `undefined` as long as the header is incomplete. */
const payloadLength = (header: Buffer, length: number): number | undefined => {
  if (length < 2) return undefined
  const short = (header[1] ?? 0) & 0x7f
  if (short < 126) return short
  if (short === 126) return length < 4 ? undefined : header.readUInt16BE(2)
  return length < 10 ? undefined : header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6)
}
