import { constants, createHmac, createPublicKey, sign as signBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { issuerKeys, publicPart } from '../../support/token-issuer.ts'
import { testSecret } from '../../support/tokens.ts'

type Header = Readonly<Record<string, unknown>> | string
type Signer = (input: string) => string
/** By what is wrong with them. */
type Tokens = Readonly<Record<string, string>>

const encoded = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Makes tokens of the same claims as no library would: whatever the header says, and whoever signs. */
const forgery =
  (claims: object) =>
  (header: Header, signer: Signer): string => {
    const input = `${encoded(header)}.${encoded(claims)}`
    return `${input}.${signer(input)}`
  }
type Forge = ReturnType<typeof forgery>

const byHmac =
  (secret: string | Buffer): Signer =>
  input =>
    createHmac('sha256', secret).update(input).digest('base64url')

const byKey =
  (key: JWK, { padding = constants.RSA_PKCS1_PADDING, hash = 'sha256' } = {}): Signer =>
  input =>
    signBytes(hash, Buffer.from(input), {
      key: { ...key },
      format: 'jwk',
      dsaEncoding: 'ieee-p1363',
      ...(key.kty === 'RSA' && { padding }),
    }).toString('base64url')

const byNobody: Signer = () => ''

const publicKeyAsSecret = (forge: Forge, rsa: JWK): Tokens => {
  const shown = publicPart(rsa)
  const key = createPublicKey({ key: { ...shown }, format: 'jwk' })
  const pem = String(key.export({ type: 'spki', format: 'pem' }))
  const forms: Record<string, string | Buffer> = {
    PEM: pem,
    'PEM without its last newline': pem.trim(),
    'PEM of PKCS#1': String(key.export({ type: 'pkcs1', format: 'pem' })),
    DER: key.export({ type: 'spki', format: 'der' }),
    JWK: JSON.stringify(shown),
    modulus: Buffer.from(rsa.n ?? '', 'base64url'),
  }
  const tokens = Object.entries(forms).map(([name, secret]) => [
    `HS256, whose secret is the public key as ${name}`,
    forge({ alg: 'HS256', kid: rsa.kid }, byHmac(secret)),
  ])
  return Object.fromEntries(tokens)
}

const tricksWithKid = (forge: Forge, { rsa, ec, stranger }: Record<'rsa' | 'ec' | 'stranger', JWK>): Tokens => {
  const kids: unknown[] = [
    undefined,
    null,
    0,
    '',
    [rsa.kid],
    { toString: rsa.kid },
    'of nobody',
    '../../../../../../../dev/null',
    `${rsa.kid}\u0000`,
    "' union select 'secret' --",
    '|id',
    '__proto__',
    'constructor',
    'https://evil.example/jwks.json',
    'x'.repeat(2_000),
  ]
  const tokens = kids.flatMap(kid => {
    const name = `the kid ${JSON.stringify(kid)?.slice(0, 40)}`
    return [
      [`HS256 with an empty secret and ${name}`, forge({ alg: 'HS256', kid }, byHmac(''))],
      [`RS256 of a stranger and ${name}`, forge({ alg: 'RS256', kid }, byKey(stranger))],
    ]
  })
  return {
    ...Object.fromEntries(tokens),
    'RS256 of a stranger and a kid that is known': forge({ alg: 'RS256', kid: rsa.kid }, byKey(stranger)),
    'RS256 and the kid of the ES256 key': forge({ alg: 'RS256', kid: ec.kid }, byKey(rsa)),
    'ES256 and the kid of the RS256 key': forge({ alg: 'ES256', kid: rsa.kid }, byKey(ec)),
  }
}

const ownKeys = (forge: Forge, { kid }: JWK, stranger: JWK, evilUrl: string): Tokens => {
  const jwk = publicPart(stranger)
  const der = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'der' })
  const headers = [
    { jwk },
    { jwk, kid },
    { jwk: { ...jwk, kid }, kid },
    { jku: evilUrl },
    { jku: evilUrl, kid },
    { jku: evilUrl, kid: jwk.kid },
    { x5u: evilUrl },
    { x5u: evilUrl, kid },
    { x5c: [der.toString('base64')], kid },
  ]
  const tokens = headers.map(header => [
    `one that brings its key: ${Object.keys(header).join(', ')} ${header.kid ?? ''}`,
    forge({ alg: 'RS256', ...header }, byKey(stranger)),
  ])
  return Object.fromEntries(tokens)
}

const withoutAlgorithm = (forge: Forge, rsa: JWK): Tokens => {
  const names = ['none', 'None', 'NONE', 'nOnE', '', null, undefined]
  const tokens = names.flatMap(alg => [
    [`alg ${alg} without a signature`, forge({ alg, kid: rsa.kid }, byNobody)],
    [`alg ${alg} with the signature of a key`, forge({ alg, kid: rsa.kid }, byKey(rsa))],
  ])
  return Object.fromEntries(tokens)
}

const algorithmsAtOdds = (forge: Forge, rsa: JWK, ec: JWK): Tokens => {
  const { kid } = rsa
  return {
    'RS256, signed with the secret': forge({ alg: 'RS256', kid }, byHmac(testSecret)),
    'HS256, signed with a key': forge({ alg: 'HS256', kid }, byKey(rsa)),
    'PS256, which nobody agreed on': forge(
      { alg: 'PS256', kid },
      byKey(rsa, { padding: constants.RSA_PKCS1_PSS_PADDING }),
    ),
    'RS512, which nobody agreed on': forge({ alg: 'RS512', kid }, byKey(rsa, { hash: 'sha512' })),
    'ES256 with a signature of zeros': forge({ alg: 'ES256', kid: ec.kid }, () => encoded('\0'.repeat(64))),
    'RS256 without a signature': forge({ alg: 'RS256', kid }, byNobody),
    'none and HS256 in one header': forge('{"alg":"none","alg":"HS256"}', byHmac('')),
    'HS256 and none in one header': forge('{"alg":"HS256","alg":"none"}', byNobody),
    'an algorithm on a prototype': forge('{"__proto__":{"alg":"none"}}', byNobody),
    'an extension that must be understood': forge({ alg: 'HS256', crit: ['evil'], evil: 1 }, byHmac(testSecret)),
    'a payload that would not be encoded': forge({ alg: 'HS256', b64: false, crit: ['b64'] }, byHmac(testSecret)),
    'an encrypted one, alg dir': `${encoded({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..AAAA.AAAA.AAAA`,
  }
}

/**
 * Tokens that play off algorithms, keys and headers against each other, and some of the same claims that are as they should be: so
 * that none is refused for its claims.
 * @param evilUrl Where an attacker shows keys.
 */
export const confusedTokens = async (userId: string, evilUrl: string): Promise<{ good: Tokens; bad: Tokens }> => {
  const { rsa, ec } = issuerKeys()
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const stranger = { ...(await exportJWK(privateKey)), alg: 'RS256', kid: 'stranger' }
  const forge = forgery({ id: userId, kahaId: 'K-confused', exp: Math.floor(Date.now() / 1000) + 3_600 })
  return {
    good: {
      HS256: forge({ alg: 'HS256' }, byHmac(testSecret)),
      RS256: forge({ alg: 'RS256', kid: rsa.kid }, byKey(rsa)),
      ES256: forge({ alg: 'ES256', kid: ec.kid }, byKey(ec)),
    },
    bad: {
      ...publicKeyAsSecret(forge, rsa),
      ...tricksWithKid(forge, { rsa, ec, stranger }),
      ...ownKeys(forge, rsa, stranger, evilUrl),
      ...withoutAlgorithm(forge, rsa),
      ...algorithmsAtOdds(forge, rsa, ec),
    },
  }
}
