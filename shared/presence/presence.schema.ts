import * as z from 'zod'
import { Id } from '../platform/ids.ts'

/** Answered one by one in the order asked, so one that is named twice is answered twice. */
const UserIds = z.array(Id).min(1).max(100)

export const PresenceQuery = z.strictObject({
  userIds: z
    .string()
    .transform(userIds => userIds.split(','))
    .pipe(UserIds),
})

export const PresenceGet = z.strictObject({ userIds: UserIds })

export const Presence = z.object({
  userId: z.uuid(),
  status: z.enum(['online', 'offline']),
  /** Null while online, and where it is not known or not the caller's business. */
  lastSeenAt: z.iso.datetime().nullable(),
})
export type Presence = z.output<typeof Presence>

export const PresenceList = z.object({ items: z.array(Presence) })
export type PresenceList = z.output<typeof PresenceList>
