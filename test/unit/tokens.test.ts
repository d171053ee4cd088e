import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  type GenerateKeyPairResult,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import { createTokenVerifier, type TokenConfig } from '../../shared/auth/tokens.ts'
import { testSecret, tokenFor } from '../support/tokens.ts'

const userId = randomUUID()
const businessId = randomUUID()
const secretKey = new TextEncoder().encode(testSecret)
const now = () => Math.floor(Date.now() / 1000)
const claims = () => ({ id: userId, kahaId: 'K-1', exp: now() + 60 })

const sign = (key: CryptoKey | Uint8Array, header: JWTHeaderParameters, payload: Record<string, unknown> = claims()) =>
  new SignJWT(payload).setProtectedHeader(header).sign(key)
const signHs256 = (payload: Record<string, unknown>) => sign(secretKey, { alg: 'HS256' }, payload)

const verify = (token: string, config: TokenConfig = { JWT_SECRET: testSecret }) =>
  createTokenVerifier(config, { now: () => new Date() }).verify(token)
const refusal = (code: string) => expect.objectContaining({ name: 'Problem', code })

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a token with the shared secret', () => {
  test('says who calls', async () => {
    const exp = now() + 60
    const caller = await verify(await signHs256({ id: userId, kahaId: 'K-1', businessId, exp, name: 'ignored' }))
    expect(caller).toEqual({ id: userId, kahaId: 'K-1', businessId, expiresAt: new Date(exp * 1000) })
  })

  test('may name the user as sub, in either case', async () => {
    const { id: _, ...others } = claims()
    expect((await verify(await signHs256({ ...others, sub: userId.toUpperCase() }))).id).toBe(userId)
    expect((await verify(await signHs256({ ...claims(), sub: 'auth0|7' }))).id).toBe(userId)
  })

  test('that has expired is told apart from every other fault', async () => {
    await expect(verify(await tokenFor(userId, {}, -1))).rejects.toEqual(refusal('token_expired'))
    const badToo = await signHs256({ ...claims(), id: 'me', exp: now() - 1 })
    await expect(verify(badToo)).rejects.toEqual(refusal('token_expired'))
  })

  test('is refused from the moment on at which it expires, also when it was good before', async () => {
    const exp = now() + 60
    let moment = exp * 1000 - 1
    const verifier = createTokenVerifier({ JWT_SECRET: testSecret }, { now: () => new Date(moment) })
    const token = await signHs256({ ...claims(), exp })
    expect(await verifier.verify(token)).toEqual(await verifier.verify(token))
    moment += 1
    await expect(verifier.verify(token)).rejects.toEqual(refusal('token_expired'))
  })

  test('that was good does not make a forged one good', async () => {
    const verifier = createTokenVerifier({ JWT_SECRET: testSecret }, { now: () => new Date() })
    const token = await signHs256(claims())
    await verifier.verify(token)
    const [header, , signature] = token.split('.')
    const forged = [header, encoded({ ...claims(), id: randomUUID() }), signature].join('.')
    await expect(verifier.verify(forged)).rejects.toEqual(refusal('unauthorized'))
  })

  test.each([
    ['no user', { id: undefined }],
    ['an id that is no UUID', { id: '7' }],
    ['a number as id', { id: 7 }],
    ['a sub that is no UUID in place of the id', { id: undefined, sub: '7' }],
    ['no kahaId', { kahaId: undefined }],
    ['an empty kahaId', { kahaId: '' }],
    ['a kahaId that is no text', { kahaId: 7 }],
    ['a kahaId with NUL', { kahaId: 'K\u0000' }],
    ['a kahaId of 201 letters', { kahaId: 'K'.repeat(201) }],
    ['a businessId that is no UUID', { businessId: 'mine' }],
    ['a businessId that is null', { businessId: null }],
    ['no exp', { exp: undefined }],
    ['a text as exp', { exp: '9999999999' }],
    ['an exp that no date holds', { exp: 1e17 }],
    ['an nbf in the future', { nbf: now() + 30 }],
  ])('is refused with %s', async (_, change) => {
    await expect(verify(await signHs256({ ...claims(), ...change }))).rejects.toEqual(refusal('unauthorized'))
  })

  test('is refused when it is signed with another secret, or changed after signing', async () => {
    const other = new TextEncoder().encode('another secret for tests, 32 bytes or more')
    await expect(verify(await sign(other, { alg: 'HS256' }))).rejects.toEqual(refusal('unauthorized'))
    const [header, , signature] = (await signHs256(claims())).split('.')
    const forged = `${header}.${encoded({ ...claims(), id: randomUUID() })}.${signature}`
    await expect(verify(forged)).rejects.toEqual(refusal('unauthorized'))
  })

  test.each(['HS384', 'HS512'])('is refused when it is signed by %s, which nobody agreed on', async alg => {
    await expect(verify(await sign(secretKey, { alg }))).rejects.toEqual(refusal('unauthorized'))
  })

  test('is refused with an extension that must be understood', async () => {
    const token = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'HS256', crit: ['exp2'], exp2: 1 })
      .sign(secretKey, { crit: { exp2: true } })
    await expect(verify(token)).rejects.toEqual(refusal('unauthorized'))
  })

  test.each([
    ['nothing', ''],
    ['one word', 'token'],
    ['three words', 'a.b.c'],
    ['two dots', '..'],
    ['two parts', `${encoded({ alg: 'HS256' })}.${encoded({})}`],
    ['five parts', `${encoded({ alg: 'dir', enc: 'A256GCM' })}....`],
    ['a header that is a list', `${encoded([])}.${encoded({})}.x`],
    ['a payload that is no JSON', `${encoded({ alg: 'HS256' })}.e30x.x`],
    ['100 KB', 'x'.repeat(100_000)],
    ['NUL', '\u0000'],
  ])('is refused when it is %s', async (_, token) => {
    await expect(verify(token)).rejects.toEqual(refusal('unauthorized'))
  })

  test('is refused without a signature: alg none', async () => {
    const unsigned = new UnsecuredJWT(claims()).encode()
    const [header, payload] = unsigned.split('.')
    const [, , signature] = (await signHs256(claims())).split('.')
    const disguised = ['None', 'NONE', 'nOnE', ''].map(alg => `${encoded({ alg })}.${payload}.`)
    for (const token of [unsigned, `${header}.${payload}.${signature}`, ...disguised]) {
      await expect(verify(token)).rejects.toEqual(refusal('unauthorized'))
    }
  })

  test('must be of the issuer and for the audience that are configured', async () => {
    const config = { JWT_SECRET: testSecret, JWT_ISSUER: 'https://main.example', JWT_AUDIENCE: 'chat' }
    const right = { ...claims(), iss: config.JWT_ISSUER, aud: ['web', 'chat'] }
    expect((await verify(await signHs256(right), config)).id).toBe(userId)
    for (const wrong of [{ iss: 'https://evil.example' }, { aud: 'web' }, { iss: undefined }, { aud: undefined }]) {
      await expect(verify(await signHs256({ ...right, ...wrong }), config)).rejects.toEqual(refusal('unauthorized'))
    }
  })

  test('shows nothing of what was wrong with it', async () => {
    const problem = await verify(await signHs256({ ...claims(), kahaId: 7 })).catch(error => error)
    expect(problem.detail).not.toMatch(/kahaId|claim|signature/i)
  })
})

interface LocalServer {
  url: string
  /** From now on requests are answered like this. */
  answer: RequestListener
  requests: number
  stop(): Promise<void>
}

const startServer = async (answer: RequestListener): Promise<LocalServer> => {
  const server: Server = createServer((request, response) => {
    local.requests += 1
    local.answer(request, response)
  })
  const local: LocalServer = {
    url: '',
    answer,
    requests: 0,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  local.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return local
}

describe('a token with a key of the JWKS', () => {
  let pairs: Record<'RS256' | 'ES256' | 'EdDSA' | 'stranger', GenerateKeyPairResult>
  let keySet: { keys: JWK[] }
  let server: LocalServer
  let config: TokenConfig
  const serveKeys: RequestListener = (_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(keySet))
  }

  beforeAll(async () => {
    const [RS256, ES256, EdDSA, stranger] = await Promise.all(
      ['RS256', 'ES256', 'EdDSA', 'RS256'].map(alg => generateKeyPair(alg, { extractable: true })),
    )
    if (!RS256 || !ES256 || !EdDSA || !stranger) throw new Error('A key is missing')
    pairs = { RS256, ES256, EdDSA, stranger }
    const published = Object.entries({ RS256, ES256, EdDSA }).map(async ([alg, { publicKey }]) => ({
      ...(await exportJWK(publicKey)),
      kid: `key-${alg}`,
      alg,
      use: 'sig',
    }))
    keySet = { keys: await Promise.all(published) }
    server = await startServer(serveKeys)
    config = { JWT_JWKS_URL: `${server.url}jwks.json` }
  })
  afterAll(() => server.stop())

  test.each(['RS256', 'ES256', 'EdDSA'] as const)('may be signed by %s', async alg => {
    const token = await sign(pairs[alg].privateKey, { alg, kid: `key-${alg}` })
    expect((await verify(token, config)).id).toBe(userId)
    expect((await verify(token, { ...config, JWT_SECRET: testSecret })).id).toBe(userId)
  })

  test('costs one request for the keys, however many come', async () => {
    const verifier = createTokenVerifier(config, { now: () => new Date() })
    const token = await sign(pairs.ES256.privateKey, { alg: 'ES256', kid: 'key-ES256' })
    const before = server.requests
    await Promise.all(Array.from({ length: 20 }, () => verifier.verify(token)))
    await verifier.verify(token)
    expect(server.requests - before).toBe(1)
  })

  test('is refused when the public key is the secret of an HS256', async () => {
    const asText = await exportSPKI(pairs.RS256.publicKey)
    const forms = [asText, asText.trim(), JSON.stringify(keySet.keys[0]), keySet.keys[0]?.n ?? '']
    for (const form of forms) {
      const token = await sign(new TextEncoder().encode(form), { alg: 'HS256', kid: 'key-RS256' })
      await expect(verify(token, config)).rejects.toEqual(refusal('unauthorized'))
      await expect(verify(token, { ...config, JWT_SECRET: testSecret })).rejects.toEqual(refusal('unauthorized'))
    }
  })

  test('is refused when it brings its own key', async () => {
    const jwk = await exportJWK(pairs.stranger.publicKey)
    const evil = await startServer((_, response) => response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'evil' }] })))
    for (const header of [{ jwk }, { jwk, kid: 'key-RS256' }, { jku: evil.url, kid: 'evil' }, { x5u: evil.url }]) {
      const token = await sign(pairs.stranger.privateKey, { alg: 'RS256', ...header })
      await expect(verify(token, config)).rejects.toEqual(refusal('unauthorized'))
    }
    expect(evil.requests).toBe(0)
    await evil.stop()
  })

  test('is refused with an unknown key, and with a known one that did not sign it', async () => {
    const unknown = await sign(pairs.stranger.privateKey, { alg: 'RS256', kid: 'key-of-nobody' })
    const wrong = await sign(pairs.stranger.privateKey, { alg: 'RS256', kid: 'key-RS256' })
    const otherKind = await sign(pairs.ES256.privateKey, { alg: 'ES256', kid: 'key-RS256' })
    for (const token of [unknown, wrong, otherKind]) {
      await expect(verify(token, config)).rejects.toEqual(refusal('unauthorized'))
    }
  })

  test.each(['RS512', 'PS256'])('is refused by %s, which nobody agreed on', async alg => {
    const jwk = await exportJWK(pairs.RS256.privateKey)
    const key = await crypto.subtle.importKey(
      'jwk',
      { ...jwk },
      { name: alg.startsWith('PS') ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: `SHA-${alg.slice(2)}` },
      false,
      ['sign'],
    )
    const token = await sign(key, { alg, kid: 'key-RS256' })
    await expect(verify(token, config)).rejects.toEqual(refusal('unauthorized'))
  })

  test('must not have expired, and is refused without exp or with an alg of none', async () => {
    const header = { alg: 'ES256', kid: 'key-ES256' }
    const expired = await sign(pairs.ES256.privateKey, header, { ...claims(), exp: now() - 1 })
    await expect(verify(expired, config)).rejects.toEqual(refusal('token_expired'))
    const endless = await sign(pairs.ES256.privateKey, header, { id: userId, kahaId: 'K-1' })
    await expect(verify(endless, config)).rejects.toEqual(refusal('unauthorized'))
    await expect(verify(new UnsecuredJWT(claims()).encode(), config)).rejects.toEqual(refusal('unauthorized'))
  })

  test('with the shared secret is refused where there is none', async () => {
    await expect(verify(await signHs256(claims()), config)).rejects.toEqual(refusal('unauthorized'))
  })

  test.each<[string, RequestListener]>([
    ['answers 500', (_, response) => response.writeHead(500).end('{"keys":[]}')],
    ['answers with no JSON', (_, response) => response.end('<html>')],
    ['answers with no key set', (_, response) => response.end('{"error":"busy"}')],
    ['redirects', (_, response) => response.writeHead(302, { location: '/other' }).end()],
    ['hangs up', request => request.socket.destroy()],
    ['does not answer', () => {}],
  ])('can not be judged while the server of the keys %s: that is not the token’s fault', async (_, answer) => {
    const token = await sign(pairs.ES256.privateKey, { alg: 'ES256', kid: 'key-ES256' })
    const verifier = createTokenVerifier(config, { now: () => new Date() })
    server.answer = answer
    const problem = await verifier.verify(token).catch(error => error)
    server.answer = serveKeys
    expect(problem).toMatchObject({ code: 'store_unavailable', options: { retryAfterSeconds: expect.any(Number) } })
    expect((await verifier.verify(token)).id).toBe(userId)
  })

  test('can not be judged while the server of the keys is down', async () => {
    const gone = await startServer(serveKeys)
    await gone.stop()
    const token = await sign(pairs.ES256.privateKey, { alg: 'ES256', kid: 'key-ES256' })
    await expect(verify(token, { JWT_JWKS_URL: gone.url })).rejects.toEqual(refusal('store_unavailable'))
  })
})

describe('the shared secret in Secrets Manager', () => {
  const variables = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: '',
  }
  const before = { ...process.env }
  const config = { JWT_SECRET_ARN: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:jwt' }
  const serveSecret =
    (secret: string): RequestListener =>
    (_, response) => {
      response.setHeader('content-type', 'application/x-amz-json-1.1').end(JSON.stringify({ SecretString: secret }))
    }
  let server: LocalServer
  beforeAll(async () => {
    server = await startServer(serveSecret(testSecret))
    Object.assign(process.env, variables, { AWS_ENDPOINT_URL_SECRETS_MANAGER: server.url })
  })
  afterAll(async () => {
    process.env = before
    await server.stop()
  })

  test('is read once, by the first token', async () => {
    const verifier = createTokenVerifier(config, { now: () => new Date() })
    const token = await signHs256(claims())
    expect(server.requests).toBe(0)
    await Promise.all([verifier.verify(token), verifier.verify(token)])
    await verifier.verify(token)
    expect(server.requests).toBe(1)
  })

  test('is asked for again after it could not be read', async () => {
    const verifier = createTokenVerifier(config, { now: () => new Date() })
    const token = await signHs256(claims())
    server.answer = (_, response) => response.writeHead(400).end('{"__type":"ResourceNotFoundException"}')
    await expect(verifier.verify(token)).rejects.toEqual(refusal('store_unavailable'))
    server.answer = serveSecret(testSecret)
    expect((await verifier.verify(token)).id).toBe(userId)
  })

  test('is not used when it has less than 32 bytes', async () => {
    server.answer = serveSecret('too short')
    const token = await sign(new TextEncoder().encode('too short'), { alg: 'HS256' })
    await expect(verify(token, config)).rejects.toEqual(refusal('store_unavailable'))
    server.answer = serveSecret(testSecret)
  })
})
