import * as z from 'zod'
import type { ConversationType } from '../database/schema.ts'
import { TimeOfDay, TimeZone } from '../platform/local-time.ts'

/** By the clocks of the time zone, from `from` until just before `to`. A `to` that is not after its `from` is the next day's. */
export const QuietHours = z.strictObject({ from: TimeOfDay, to: TimeOfDay, timezone: TimeZone })
export type QuietHours = z.output<typeof QuietHours>

const types: readonly ConversationType[] = ['direct', 'group', 'business']

/** As a user sets them. Whoever sets them replaces all of them, what is left out by what holds for who has never said. */
export const NotificationPreferences = z.strictObject({
  pushEnabled: z.boolean().default(true),
  quietHours: QuietHours.nullable().default(null),
  mutedTypes: z
    .array(z.enum(types))
    .refine(muted => new Set(muted).size === muted.length, { error: 'Each type once' })
    .default([]),
})
export type NotificationPreferences = z.output<typeof NotificationPreferences>
