import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16
const options = { authTagLength: tagBytes }

/**
 * Encrypts with AES-256-GCM: a fresh random nonce, the ciphertext and the tag, in one piece, 28 bytes longer than what went in.
 * `place` is not in it, but opens it: who moves it elsewhere, or changes a bit, can't open it. Nonces are random, so one key is
 * good for 2^32 of these (NIST SP 800-38D, 8.3).
 */
export const seal = (key: KeyObject, place: string, plain: Uint8Array): Buffer => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, options).setAAD(Buffer.from(place))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** What was sealed. Throws when it was another key or another place, or when anything of it was changed. */
export const open = (key: KeyObject, place: string, sealed: Uint8Array): Buffer => {
  if (sealed.length < nonceBytes + tagBytes) throw new Error('Too short to be sealed')
  const end = sealed.length - tagBytes
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), options)
    .setAAD(Buffer.from(place))
    .setAuthTag(sealed.subarray(end))
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, end)), decipher.final()])
}
