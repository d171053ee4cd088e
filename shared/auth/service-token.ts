import { createHash, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { Problem } from '../platform/problems.ts'
import { secretReader } from '../platform/secrets.ts'

const ServiceTokenConfig = z
  .object({ SERVICE_TOKEN: z.string().optional(), SERVICE_TOKEN_ARN: z.string().optional() })
  .refine(config => config.SERVICE_TOKEN ?? config.SERVICE_TOKEN_ARN, {
    error: 'One of SERVICE_TOKEN and SERVICE_TOKEN_ARN is needed',
  })

/** By what the platform's own services show that it is they who call. */
export interface ServiceToken {
  /** Throws `unauthorized` for any other token, and `store_unavailable` while ours can't be read. */
  require(given: string): Promise<void>
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Digests are of one length, and comparing them takes the same time wherever they differ. */
export const createServiceToken = (read: () => Promise<string>): ServiceToken => ({
  require: async given => {
    const expected = await read().catch(cause => {
      throw new Problem('store_unavailable', 'Tokens can not be checked now. Try again.', {
        retryAfterSeconds: 2,
        cause,
      })
    })
    if (!timingSafeEqual(digest(given), digest(expected))) {
      throw new Problem('unauthorized', 'This needs the service token of the platform.')
    }
  },
})

export const serviceTokenFromEnvironment = (): ServiceToken => {
  const { SERVICE_TOKEN, SERVICE_TOKEN_ARN } = readConfig(ServiceTokenConfig)
  return createServiceToken(secretReader(SERVICE_TOKEN, SERVICE_TOKEN_ARN))
}
