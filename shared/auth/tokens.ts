import type { webcrypto } from 'node:crypto'
import { createRemoteJWKSet, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import QuickLRU from 'quick-lru'
import * as z from 'zod/mini'
import type { Clock } from '../platform/clock.ts'
import { readConfig } from '../platform/config.ts'
import { Problem } from '../platform/problems.ts'
import { readSecret } from '../platform/secrets.ts'
import type { Caller } from './caller.ts'

/** HS256 is no stronger than its key: RFC 7518 (3.2) asks for as many bits as the hash has. */
const minSecretBytes = 32

const longEnough = z.refine<string>(secret => Buffer.byteLength(secret) >= minSecretBytes, {
  error: `At least ${minSecretBytes} bytes`,
})

/** Of `zod/mini`, as all of this file: every handshake loads it. */
export const TokenConfig = z
  .object({
    JWT_SECRET: z.optional(z.string().check(longEnough)),
    JWT_SECRET_ARN: z.optional(z.string()),
    JWT_JWKS_URL: z.optional(z.url({ protocol: /^https?$/ })),
    JWT_ISSUER: z.optional(z.string()),
    JWT_AUDIENCE: z.optional(z.string()),
  })
  .check(
    z.refine(config => config.JWT_SECRET ?? config.JWT_SECRET_ARN ?? config.JWT_JWKS_URL, {
      error: 'One of JWT_SECRET, JWT_SECRET_ARN and JWT_JWKS_URL is needed',
    }),
  )
export type TokenConfig = z.output<typeof TokenConfig>

/** `kahaId` goes into the database, which holds no control characters in text that is shown. */
const KahaId = z.string().check(
  z.refine(text => text.isWellFormed(), { error: 'A lone surrogate is not Unicode' }),
  z.minLength(1),
  z.maxLength(200),
  z.regex(/^\P{Cc}+$/u),
)

const Id = z.uuid().check(z.toLowerCase())

/** The latest second that a `Date` holds (ECMA-262, 21.4.1.1). */
const lastSecond = 8_640_000_000_000

export const Claims = z.object({
  id: z.optional(Id),
  sub: z.optional(z.string()),
  kahaId: KahaId,
  exp: z.number().check(z.maximum(lastSecond)),
  businessId: z.optional(Id),
})

/** Says who a token belongs to. */
export interface TokenVerifier {
  /**
   * Throws `token_expired`, `unauthorized` for every other fault of the token (which one is only in `cause`), and
   * `store_unavailable` while the keys can't be fetched.
   */
  verify(token: string): Promise<Caller>
}

/**
 * A client shows the same token with each request. One that was found good is taken as good for a minute, unless it expires before
 * that; so a withdrawn key counts for a minute longer than the ten for which `jose` keeps a key set.
 */
const takenAsGood = { maxSize: 1_000, maxAge: 60_000 }

const asymmetricAlgorithms = ['RS256', 'ES256', 'EdDSA']
/** Failures of fetching the keys, which say nothing about the token. */
const keyFetchFaults = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'])

const unauthorized = (cause?: unknown) => new Problem('unauthorized', 'The token is missing or not valid.', { cause })

const tokenProblem = (error: unknown): Problem => {
  if (error instanceof Problem) return error
  if (error instanceof errors.JWTExpired) return new Problem('token_expired', 'The token has expired. Get a new one.')
  if (error instanceof errors.JOSEError && !keyFetchFaults.has(error.code)) return unauthorized(error)
  return new Problem('store_unavailable', 'Tokens can not be checked now. Try again.', {
    retryAfterSeconds: 2,
    cause: error,
  })
}

const algorithmOf = (token: string): string | undefined => {
  try {
    return decodeProtectedHeader(token).alg
  } catch (cause) {
    throw unauthorized(cause)
  }
}

const callerOf = (payload: JWTPayload): Caller => {
  const claims = Claims.safeParse(payload)
  if (!claims.success) throw unauthorized(claims.error)
  const { id, sub, kahaId, exp, businessId } = claims.data
  const userId = Id.safeParse(id ?? sub)
  if (!userId.success) throw unauthorized(userId.error)
  return { id: userId.data, kahaId, expiresAt: new Date(exp * 1000), ...(businessId && { businessId }) }
}

/**
 * The algorithm decides which key is tried, and only algorithms of that key's kind are accepted: an HS256 token is never
 * checked against a public key.
 */
export const createTokenVerifier = (config: TokenConfig, clock: Clock): TokenVerifier => {
  const { JWT_JWKS_URL: jwksUrl, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = config
  const publicKeys = jwksUrl ? createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: 2_000 }) : undefined
  let sharedSecret: Promise<webcrypto.CryptoKey> | undefined
  const loadSecret = async (arn: string): Promise<webcrypto.CryptoKey> => {
    const secret = new TextEncoder().encode(config.JWT_SECRET ?? (await readSecret(arn)))
    if (secret.length < minSecretBytes) throw new Error(`The token secret has less than ${minSecretBytes} bytes`)
    // Imported once: of bytes, jose would make a key for each token.
    return crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  }
  const secretKey = (): Promise<webcrypto.CryptoKey> => {
    sharedSecret ??= loadSecret(config.JWT_SECRET_ARN ?? '').catch(error => {
      sharedSecret = undefined
      throw error
    })
    return sharedSecret
  }
  const options = { requiredClaims: ['exp'], ...(issuer && { issuer }), ...(audience && { audience }) }

  const payloadOf = async (token: string): Promise<JWTPayload> => {
    const alg = algorithmOf(token)
    const now = { currentDate: clock.now() }
    if (alg === 'HS256' && (config.JWT_SECRET ?? config.JWT_SECRET_ARN)) {
      return (await jwtVerify(token, await secretKey(), { ...options, ...now, algorithms: ['HS256'] })).payload
    }
    if (alg && publicKeys && asymmetricAlgorithms.includes(alg)) {
      return (await jwtVerify(token, publicKeys, { ...options, ...now, algorithms: asymmetricAlgorithms })).payload
    }
    throw unauthorized()
  }

  const good = new QuickLRU<string, Caller>(takenAsGood)
  return {
    verify: async token => {
      const known = good.get(token)
      if (known && known.expiresAt > clock.now()) return known
      try {
        const caller = callerOf(await payloadOf(token))
        good.set(token, caller)
        return caller
      } catch (error) {
        throw tokenProblem(error)
      }
    },
  }
}

export const tokenVerifierFromEnvironment = (clock: Clock) => (): TokenVerifier =>
  createTokenVerifier(readConfig(TokenConfig), clock)
