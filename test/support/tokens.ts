import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'

/** By which the platform's services show who they are. */
export const testServiceToken = 'a-service-token-for-tests-only'
export const testSecret = 'a secret for tests only, 32 bytes or more'

/** A token as the platform makes it. `claims` replace or add to the usual ones. */
export const tokenFor = (
  userId: string,
  claims: Record<string, unknown> = {},
  expiresInSeconds = 3600,
): Promise<string> =>
  new SignJWT({ id: userId, kahaId: `K-${userId.slice(0, 8)}`, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(Math.floor(Date.now() / 1000) + expiresInSeconds)
    .sign(new TextEncoder().encode(testSecret))

export interface TestUser {
  id: string
  token: string
}

/** Somebody whom nobody knows yet. */
export const newUser = async (): Promise<TestUser> => {
  const id = randomUUID()
  return { id, token: await tokenFor(id) }
}
