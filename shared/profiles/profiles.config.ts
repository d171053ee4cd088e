import * as z from 'zod'
import { systemClock } from '../platform/clock.ts'
import { readConfig } from '../platform/config.ts'
import { secretReader } from '../platform/secrets.ts'
import { wholeNumber } from '../platform/whole-number.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { type ProfileLifetimes, profileLifetimes } from './entry.ts'
import { createMainService, type MainService } from './main-service.ts'
import { createProfiles, type Profiles, placeholders } from './profiles.ts'
import { refreshQueueFromEnvironment } from './refresh.jobs.ts'

const hourMs = 60 * 60 * 1000

export const ProfilesConfig = z
  .object({
    /** Without it everybody is shown as a placeholder. */
    PROFILE_API_URL: z.url({ protocol: /^https?$/ }).optional(),
    PROFILE_API_TOKEN: z.string().optional(),
    PROFILE_API_TOKEN_ARN: z.string().optional(),
  })
  .refine(config => !config.PROFILE_API_URL || (config.PROFILE_API_TOKEN ?? config.PROFILE_API_TOKEN_ARN), {
    error: 'PROFILE_API_URL needs PROFILE_API_TOKEN or PROFILE_API_TOKEN_ARN',
  })

const LifetimesConfig = z.object({
  PROFILE_FRESH_HOURS: wholeNumber(z.int().min(1).max(8_760)).default(profileLifetimes.fresh / hourMs),
  PROFILE_STALE_DAYS: wholeNumber(z.int().min(0).max(90)).default(profileLifetimes.stale / (24 * hourMs)),
})

export const profileLifetimesFromEnvironment = (): ProfileLifetimes => {
  const { PROFILE_FRESH_HOURS, PROFILE_STALE_DAYS } = readConfig(LifetimesConfig)
  return { fresh: PROFILE_FRESH_HOURS * hourMs, stale: PROFILE_STALE_DAYS * 24 * hourMs }
}

/** Undefined where the platform has none. */
export const mainServiceFromEnvironment = (): MainService | undefined => {
  const { PROFILE_API_URL, PROFILE_API_TOKEN, PROFILE_API_TOKEN_ARN } = readConfig(ProfilesConfig)
  return PROFILE_API_URL
    ? createMainService(PROFILE_API_URL, secretReader(PROFILE_API_TOKEN, PROFILE_API_TOKEN_ARN))
    : undefined
}

export const profilesFromEnvironment = (): Profiles => {
  const mainService = mainServiceFromEnvironment()
  return mainService
    ? createProfiles({
        redis: redisFromEnvironment(),
        mainService,
        refreshes: refreshQueueFromEnvironment(),
        clock: systemClock,
        lifetimes: profileLifetimesFromEnvironment(),
      })
    : placeholders
}
