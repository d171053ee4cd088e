import { createHash } from 'node:crypto'
import type { MessageAttribute } from './message-queue.ts'

/** As the SDK checks it: hex. */
export const bodyDigest = (body: string): string => createHash('md5').update(body).digest('hex')

const withLength = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

const encodeAttribute = ([name, attribute]: [string, MessageAttribute]): Buffer => {
  const isBinary = attribute.DataType.startsWith('Binary')
  const value = isBinary ? Buffer.from(attribute.BinaryValue ?? '', 'base64') : Buffer.from(attribute.StringValue ?? '')
  return Buffer.concat([
    withLength(Buffer.from(name)),
    withLength(Buffer.from(attribute.DataType)),
    Buffer.from([isBinary ? 2 : 1]),
    withLength(value),
  ])
}

/** SQS's digest of message attributes: by name, each part after its length, the kind of the value in one byte. */
export const attributesDigest = (attributes: Readonly<Record<string, MessageAttribute>>): string | undefined => {
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))
  if (sorted.length === 0) return undefined
  return createHash('md5')
    .update(Buffer.concat(sorted.map(encodeAttribute)))
    .digest('hex')
}
