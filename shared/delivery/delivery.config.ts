import * as z from 'zod/mini'
import { agentGraceMsFromEnvironment } from '../business/business.config.ts'
import { readConfig } from '../platform/config.ts'
import { Seconds } from '../platform/seconds.ts'
import { PresenceConfig } from '../presence/presence.config.ts'
import type { ReplaySettings } from './replay.ts'
import { clientSettings } from './session.ts'
import type { SweepSettings } from './sweep.ts'
import type { SweepPeriods } from './sweep-plan.ts'

/** The periods of repair, in seconds, for operators who know why; the defaults are what the contract promises. */
const DeliveryConfig = z.object({
  /** How long a message may be without acknowledgement on a live connection before it is sent again. */
  REPAIR_AFTER_SECONDS: z._default(Seconds, 30),
  /** How often the sweep looks, and how often for presence. */
  SWEEP_SECONDS: z._default(Seconds, 15),
  PRESENCE_SWEEP_SECONDS: z._default(Seconds, 5),
})

/** How far back the look into Postgres goes: several sweeps that find no function, and the restart of a store … */
const unmarkedWithinMs = 6 * 60_000
/** … and how far the one of each tick goes, in ticks, beyond what was due before: every message is seen twice. */
const recentTicks = 2
/** Looked at in well under a second (docs/decisions/0025). */
const messagesAtOnce = 20_000
const sweepBatch = 500

export const sweepSettingsFromEnvironment = (): SweepSettings => {
  const { REPAIR_AFTER_SECONDS, SWEEP_SECONDS } = readConfig(DeliveryConfig)
  return {
    pendingAfterMs: REPAIR_AFTER_SECONDS * 1_000,
    unmarkedWithinMs,
    recentMs: recentTicks * SWEEP_SECONDS * 1_000,
    agentGraceMs: agentGraceMsFromEnvironment(),
    messagesAtOnce,
    batch: sweepBatch,
  }
}

export const sweepPeriodsFromEnvironment = (): SweepPeriods => {
  const { SWEEP_SECONDS, PRESENCE_SWEEP_SECONDS } = readConfig(DeliveryConfig)
  return { presence: PRESENCE_SWEEP_SECONDS, rest: SWEEP_SECONDS }
}

/** Messages read at a time: a page is a frame or a few. A client that syncs more than this asks again. */
export const replaySettings: ReplaySettings = {
  pageSize: 200,
  syncLimit: 1_000,
  heartbeatSeconds: clientSettings.heartbeatSeconds,
}

/** Who beats no sooner than they count as offline would come and go all the time. */
export const HeartbeatConfig = z
  .object({ ...PresenceConfig.shape, HEARTBEAT_SECONDS: z._default(Seconds, clientSettings.heartbeatSeconds) })
  .check(
    z.refine(config => config.HEARTBEAT_SECONDS < config.PRESENCE_OFFLINE_AFTER_SECONDS, {
      path: ['HEARTBEAT_SECONDS'],
      error: 'Has to be less than PRESENCE_OFFLINE_AFTER_SECONDS',
    }),
  )

export const replaySettingsFromEnvironment = (): ReplaySettings => ({
  ...replaySettings,
  heartbeatSeconds: readConfig(HeartbeatConfig).HEARTBEAT_SECONDS,
})
