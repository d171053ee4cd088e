import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK } from 'jose'

/** The keys of whoever makes tokens for the stack of this run, beside the shared secret. */
export interface IssuerKeys {
  /** Private ones, each with its `alg` and `kid`. */
  readonly rsa: JWK
  readonly ec: JWK
}

export interface TokenIssuer {
  /** Shows the public keys. */
  readonly jwksUrl: string
  readonly keys: IssuerKeys
  stop(): void
}

const newKey = async (alg: string, kid: string): Promise<JWK> => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), alg, kid }
}

/** What is left of a private key when only its public half is shown. */
export const publicPart = ({ kty, n, e, crv, x, y, alg, kid }: JWK): JWK =>
  JSON.parse(JSON.stringify({ kty, n, e, crv, x, y, alg, kid, use: 'sig' }))

/** Makes keys and shows their public halves, as a platform does that has no shared secret. */
export const startTokenIssuer = async (): Promise<TokenIssuer> => {
  const [rsa, ec] = await Promise.all([newKey('RS256', 'key-1'), newKey('ES256', 'key-2')])
  const keySet = JSON.stringify({ keys: [publicPart(rsa), publicPart(ec)] })
  const server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(keySet))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    keys: { rsa, ec },
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

const variable = 'TEST_ISSUER_KEYS'

/** Makes the keys known to the tests of this run. */
export const announceKeys = (keys: IssuerKeys): void => {
  process.env[variable] = JSON.stringify(keys)
}

/** The keys of this run, whose public halves the stack has been shown. */
export const issuerKeys = (): IssuerKeys => JSON.parse(process.env[variable] ?? '{}')
