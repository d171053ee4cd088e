import * as z from 'zod'

export const Profile = z.object({
  name: z.string(),
  avatarUrl: z.string().nullable(),
  /** The main service could not be asked: what is shown may be old, or a placeholder. */
  stale: z.boolean(),
})
export type Profile = z.output<typeof Profile>

/**
 * What is shown for a user of whom nothing is known: told apart by the end of the id, because ids that were minted at the same
 * time begin alike.
 */
export const placeholderProfile = (userId: string): Profile => ({
  name: `User ${userId.slice(-4)}`,
  avatarUrl: null,
  stale: true,
})

/** The same for a business. */
export const placeholderBusiness = (businessId: string): Profile => ({
  name: `Business ${businessId.slice(-4)}`,
  avatarUrl: null,
  stale: true,
})
