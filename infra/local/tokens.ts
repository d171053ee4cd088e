import { SignJWT } from 'jose'

export interface TokenClaims {
  readonly id: string
  readonly kahaId: string
  /** The caller manages that business. */
  readonly businessId?: string
}

export const demoUsers = {
  alice: { id: 'a11ce000-0000-4000-8000-000000000001', kahaId: 'alice' },
  bob: { id: 'b0b00000-0000-4000-8000-000000000002', kahaId: 'bob' },
} as const satisfies Record<string, TokenClaims>

/** A token as the main service would give it to that user, valid for 12 hours. */
export const signToken = (secret: string, claims: TokenClaims): Promise<string> =>
  new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime('12h')
    .sign(new TextEncoder().encode(secret))
