import type { Profile, Subject } from './profiles.schema.ts'

const words: Record<Subject['kind'], string> = { user: 'User', business: 'Business' }

/**
 * What is shown for somebody of whom nothing is known: told apart by the end of the id, because ids that were minted at the same
 * time begin alike.
 */
export const placeholder = ({ kind, id }: Subject): Profile => ({
  name: `${words[kind]} ${id.slice(-4)}`,
  avatarUrl: null,
  stale: true,
})
