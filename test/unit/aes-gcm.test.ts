import { createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { open, seal } from '../../shared/encryption/aes-gcm.ts'

const key = createSecretKey(randomBytes(32))
const text = Buffer.from('नमस्ते')

describe('what is sealed', () => {
  test('opens with the same key at the same place, also when it is empty', () => {
    expect(open(key, 'here', seal(key, 'here', text))).toEqual(text)
    expect(open(key, 'here', seal(key, 'here', Buffer.alloc(0)))).toEqual(Buffer.alloc(0))
  })

  test('is a nonce of 96 bits, what AES-256-GCM makes of it, and a tag of 128 bits', () => {
    const sealed = seal(key, 'here', text)
    expect(sealed).toHaveLength(12 + text.length + 16)
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
      .setAAD(Buffer.from('here'))
      .setAuthTag(sealed.subarray(-16))
    expect(Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])).toEqual(text)
  })

  test('is never the same twice', () => {
    const nonces = Array.from({ length: 1_000 }, () => seal(key, 'here', text).toString('hex', 0, 12))
    expect(new Set(nonces).size).toBe(1_000)
  })

  test('does not open with another key, or at another place', () => {
    const sealed = seal(key, 'here', text)
    expect(() => open(createSecretKey(randomBytes(32)), 'here', sealed)).toThrow()
    expect(() => open(key, 'there', sealed)).toThrow()
    expect(() => open(key, '', sealed)).toThrow()
  })

  test('does not open when any bit of it has changed, or some of it is missing', () => {
    const sealed = seal(key, 'here', text)
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed)
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(() => open(key, 'here', changed)).toThrow()
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => open(key, 'here', sealed.subarray(0, length))).toThrow()
    }
  })
})
