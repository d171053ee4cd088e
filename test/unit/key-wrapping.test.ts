import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { keyWrappingFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { type KeyWrapping, localWrapping } from '../../shared/encryption/key-wrapping.ts'
import { kmsWrapping } from '../../shared/encryption/kms-wrapping.ts'
import { keyDaysFromEnvironment } from '../../shared/encryption/rotation.ts'

const keyArn = 'arn:aws:kms:us-east-1:000000000000:key/1'

/** As much of KMS as is used, on this machine: it wraps with a key of its own, bound to the key's name and the context. */
const kms = {
  failure: undefined as { status: number; type: string } | undefined,
  requests: [] as { operation: string; KeyId: string; EncryptionContext: Record<string, string> }[],
}
const masterKey = randomBytes(32)
const placeOf = (body: { KeyId: string; EncryptionContext: object }) =>
  Buffer.from(JSON.stringify([body.KeyId, body.EncryptionContext]))
const operations: Record<string, (body: never) => object | undefined> = {
  GenerateDataKeyWithoutPlaintext: (body: { KeyId: string; KeySpec: string; EncryptionContext: object }) => {
    if (body.KeySpec !== 'AES_256') return undefined
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', masterKey, nonce).setAAD(placeOf(body))
    const wrapped = Buffer.concat([nonce, cipher.update(randomBytes(32)), cipher.final(), cipher.getAuthTag()])
    return { KeyId: body.KeyId, CiphertextBlob: wrapped.toString('base64') }
  },
  Decrypt: (body: { KeyId: string; CiphertextBlob: string; EncryptionContext: object }) => {
    const wrapped = Buffer.from(body.CiphertextBlob, 'base64')
    try {
      const decipher = createDecipheriv('aes-256-gcm', masterKey, wrapped.subarray(0, 12))
        .setAAD(placeOf(body))
        .setAuthTag(wrapped.subarray(-16))
      const plain = Buffer.concat([decipher.update(wrapped.subarray(12, -16)), decipher.final()])
      return { KeyId: body.KeyId, Plaintext: plain.toString('base64') }
    } catch {
      return undefined
    }
  },
}
const server = createServer(async (request, response) => {
  const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
  const body = (await json(request)) as never
  kms.requests.push({ operation, ...(body as object) } as never)
  const answer = kms.failure ? undefined : operations[operation]?.(body)
  const { status, type } = kms.failure ?? { status: 400, type: 'InvalidCiphertextException' }
  response
    .writeHead(answer ? 200 : status, { 'content-type': 'application/x-amz-json-1.1' })
    .end(JSON.stringify(answer ?? { __type: type }))
})

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  Object.assign(process.env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_KMS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  })
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const wrappings: [string, () => KeyWrapping, () => KeyWrapping][] = [
  ['a key of this machine', () => localWrapping(masterKey), () => localWrapping(randomBytes(32))],
  ['KMS', () => kmsWrapping({ keyArn, stage: 'dev' }), () => kmsWrapping({ keyArn, stage: 'prod' })],
]

describe.each(wrappings)('data keys that are wrapped by %s', (_, create, createOther) => {
  test('are 256 bits, never the same, and open again, also for another client', async () => {
    const [first, second] = [await create().create(), await create().create()]
    const keys = await Promise.all([first, second, first].map(wrapped => create().unwrap(wrapped)))
    expect(keys.map(key => key?.symmetricKeySize)).toEqual([32, 32, 32])
    expect(keys[0]?.equals(keys[2] as never)).toBe(true)
    expect(keys[0]?.equals(keys[1] as never)).toBe(false)
  })

  test('are nothing that another stage or machine can open, nor are damaged ones', async () => {
    const wrapped = await create().create()
    expect(await createOther().unwrap(wrapped)).toBeUndefined()
    expect(await create().unwrap(Buffer.concat([wrapped, Buffer.alloc(1)]))).toBeUndefined()
    expect(await create().unwrap(Buffer.from('nothing'))).toBeUndefined()
  })
})

describe('KMS', () => {
  test('is asked by the name of the key and with the stage, and never shows a key that is made', async () => {
    kms.requests = []
    const wrapping = kmsWrapping({ keyArn, stage: 'dev' })
    await wrapping.unwrap(await wrapping.create())
    const common = { KeyId: keyArn, EncryptionContext: { service: 'kaha-chat', stage: 'dev' } }
    expect(kms.requests).toMatchObject([
      { operation: 'GenerateDataKeyWithoutPlaintext', ...common },
      { operation: 'Decrypt', ...common },
    ])
  })

  test.each([
    [400, 'AccessDeniedException'],
    [400, 'DisabledException'],
    [400, 'KMSInvalidStateException'],
    [500, 'KMSInternalException'],
  ])('that answers %i %s is a store that is not available', async (status, type) => {
    const wrapping = kmsWrapping({ keyArn, stage: 'dev' })
    const wrapped = await wrapping.create()
    kms.failure = { status, type }
    try {
      await expect(wrapping.unwrap(wrapped)).rejects.toMatchObject({ code: 'store_unavailable' })
      await expect(wrapping.create()).rejects.toMatchObject({ code: 'store_unavailable' })
    } finally {
      kms.failure = undefined
    }
    expect(await wrapping.unwrap(wrapped)).toBeDefined()
  })
})

describe('the environment', () => {
  const wrapping = (variables: Record<string, string>) => {
    Object.assign(process.env, { STAGE: 'test', CONTENT_KMS_KEY_ARN: '', CONTENT_MASTER_KEY: '', ...variables })
    return keyWrappingFromEnvironment()
  }

  test('names a key of KMS or holds one', async () => {
    const master = masterKey.toString('base64url')
    const wrapped = await wrapping({ CONTENT_MASTER_KEY: master }).create()
    expect(await localWrapping(masterKey).unwrap(wrapped)).toBeDefined()
    const byKms = await wrapping({ CONTENT_KMS_KEY_ARN: keyArn }).create()
    expect(await kmsWrapping({ keyArn, stage: 'test' }).unwrap(byKms)).toBeDefined()
  })

  test('sets after how many days a key gets a successor', () => {
    for (const [days, read] of [
      ['', 30],
      ['1', 1],
      ['365', 365],
    ] as const) {
      process.env.CONTENT_KEY_DAYS = days
      expect(keyDaysFromEnvironment()).toBe(read)
    }
    for (const wrong of ['0', '366', '-1', '1.5', 'monthly']) {
      process.env.CONTENT_KEY_DAYS = wrong
      expect(keyDaysFromEnvironment).toThrow('CONTENT_KEY_DAYS')
    }
  })

  test.each([
    ['neither', {}],
    ['both', { CONTENT_MASTER_KEY: masterKey.toString('base64url'), CONTENT_KMS_KEY_ARN: keyArn }],
    ['a key that is too short', { CONTENT_MASTER_KEY: randomBytes(16).toString('base64url') }],
    ['what is no ARN', { CONTENT_KMS_KEY_ARN: 'alias/content' }],
  ])('with %s is refused by the name of what is wrong', (_, variables) => {
    expect(() => wrapping(variables)).toThrow(/CONTENT_(KMS_KEY_ARN|MASTER_KEY)/)
  })
})
