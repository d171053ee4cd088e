import * as z from 'zod'
import { Id } from '../platform/ids.ts'

const longestName = 200
const longestUrl = 1_000

const url = z.url({ protocol: /^https?$/ }).max(longestUrl)

/** An avatar that can't be shown costs nobody their name. */
const FetchedProfile = z
  .object({ uuid: Id, name: z.string().trim().min(1).max(longestName), avatar_url: url.nullish().catch(null) })
  .transform(({ uuid, name, avatar_url }) => ({ id: uuid, name, avatarUrl: avatar_url ?? null }))

/** A profile that makes no sense is left out, and those beside it are not lost. */
const profiles = z
  .array(FetchedProfile.optional().catch(undefined))
  .transform(all => all.filter(profile => profile !== undefined))

/** What the main service answers to a batch. */
export const BatchAnswer = z
  .object({ users: profiles.optional(), businesses: profiles.optional() })
  .refine(({ users, businesses }) => users ?? businesses, { error: 'Neither users nor businesses' })
export type BatchAnswer = z.output<typeof BatchAnswer>
