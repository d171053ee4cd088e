import * as z from 'zod/mini'
import { readConfig } from '../platform/config.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { createLimits, type LimitSettings, type Limits, limitSettings } from './limits.ts'

const most = 1_000_000
const error = `A whole number, 0 to ${most}`
const digits = z.pipe(z.string().check(z.regex(/^\d+$/, { error })), z.transform(Number))
const Limit = z.pipe(digits, z.number().check(z.maximum(most, { error })))

/** For operators: how many a minute, 0 for any number. */
export const LimitsConfig = z.object({
  RATE_LIMIT_SENDS: z._default(Limit, limitSettings.sends),
  RATE_LIMIT_REQUESTS: z._default(Limit, limitSettings.requests),
  RATE_LIMIT_AUTH_FAILURES: z._default(Limit, limitSettings.authFailures),
})

export const limitSettingsFromEnvironment = (): LimitSettings => {
  const config = readConfig(LimitsConfig)
  return {
    sends: config.RATE_LIMIT_SENDS,
    requests: config.RATE_LIMIT_REQUESTS,
    authFailures: config.RATE_LIMIT_AUTH_FAILURES,
  }
}

export const limitsFromEnvironment = (): Limits => createLimits(redisFromEnvironment(), limitSettingsFromEnvironment())
