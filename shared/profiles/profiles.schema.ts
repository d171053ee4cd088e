import * as z from 'zod'
import { Id } from '../platform/ids.ts'

export const Profile = z.object({
  name: z.string(),
  avatarUrl: z.string().nullable(),
  /** The main service could not be asked, or does not know: what is shown may be old, or a placeholder. */
  stale: z.boolean(),
})
export type Profile = z.output<typeof Profile>

/** Whose profile it is. Users and businesses have ids of their own, which may be equal. */
export interface Subject {
  kind: 'user' | 'business'
  id: string
}

const subjectsOfEvents = {
  'user.profile.updated': 'user',
  'business.profile.updated': 'business',
} as const satisfies Record<string, Subject['kind']>

const EventType = z.enum(Object.keys(subjectsOfEvents) as (keyof typeof subjectsOfEvents)[])

/** What the main service tells over HTTP when a profile has changed there. */
export const ProfileEvent = z.strictObject({ type: EventType, uuid: Id })
export type ProfileEvent = z.output<typeof ProfileEvent>

/** Whose profile it is about. */
export const subjectOf = ({ type, uuid }: ProfileEvent): Subject => ({ kind: subjectsOfEvents[type], id: uuid })

/** The same as EventBridge brings it, with whatever else is in its envelope. */
export const PublishedProfileEvent = z
  .object({ 'detail-type': EventType, detail: z.object({ uuid: Id }) })
  .transform(({ 'detail-type': type, detail: { uuid } }): ProfileEvent => ({ type, uuid }))
