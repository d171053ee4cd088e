import * as z from 'zod/mini'
import { readConfig } from '../platform/config.ts'
import { Seconds } from '../platform/seconds.ts'
import { type PresenceSettings, presenceSettings, type TypingSettings, typingSettings } from './settings.ts'

export const PresenceConfig = z.object({
  PRESENCE_OFFLINE_AFTER_SECONDS: z._default(Seconds, presenceSettings.afterFrameMs / 1_000),
  PRESENCE_CLOSE_GRACE_SECONDS: z._default(Seconds, presenceSettings.afterCloseMs / 1_000),
})

export const TypingConfig = z.object({
  TYPING_SECONDS: z._default(Seconds, typingSettings.endsAfterMs / 1_000),
  TYPING_THROTTLE_SECONDS: z._default(Seconds, typingSettings.throttleMs / 1_000),
})

/** Who notes presence, who reads it and who ends it must have the same. */
export const presenceFromEnvironment = (): PresenceSettings => {
  const config = readConfig(PresenceConfig)
  return {
    afterFrameMs: config.PRESENCE_OFFLINE_AFTER_SECONDS * 1_000,
    afterCloseMs: config.PRESENCE_CLOSE_GRACE_SECONDS * 1_000,
  }
}

export const typingFromEnvironment = (): TypingSettings => {
  const config = readConfig(TypingConfig)
  return { endsAfterMs: config.TYPING_SECONDS * 1_000, throttleMs: config.TYPING_THROTTLE_SECONDS * 1_000 }
}
