import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'

type SourceData = string | ArrayBuffer | ArrayBufferView

/** The signer keeps its signing key for a day, and gives the same array each time: so one key object is made of it, not many. */
const keyObjects = new WeakMap<object, KeyObject>()
const keyObjectOf = (secret: ArrayBuffer | ArrayBufferView): KeyObject => {
  const known = keyObjects.get(secret) ?? createSecretKey(bytesOf(secret))
  keyObjects.set(secret, known)
  return known
}

const bytesOf = (data: SourceData): Buffer => {
  if (typeof data === 'string') return Buffer.from(data)
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data)
}

/** SHA-256 for the SDK's signer, or HMAC-SHA-256 with a secret; half the price of the SDK's own (docs/decisions/0021). */
export class Sha256 {
  readonly #secret: SourceData | undefined
  #data: Buffer[] = []

  constructor(secret?: SourceData) {
    this.#secret = secret
  }

  update(data: Uint8Array): void {
    this.#data.push(bytesOf(data))
  }

  async digest(): Promise<Uint8Array> {
    const data = Buffer.concat(this.#data)
    if (this.#secret === undefined) return hash('sha256', data, 'buffer')
    const key = typeof this.#secret === 'string' ? this.#secret : keyObjectOf(this.#secret)
    return createHmac('sha256', key).update(data).digest()
  }

  reset(): void {
    this.#data = []
  }
}
