import type { Http } from './http.ts'
import type { Presence } from './service.ts'

/** In one request. */
const maxUsers = 100

export interface PresenceWatch {
  /** Who of these users is online now; from here on, changes are told. */
  of(userIds: readonly string[]): Promise<Presence[]>
  changed(presence: Presence): void
  /** Asks anew about everybody who was asked about: changes may have been missed. */
  refresh(): Promise<void>
}

export const createPresenceWatch = (
  { request }: Pick<Http, 'request'>,
  changed: (presence: Presence) => void,
): PresenceWatch => {
  const known = new Map<string, Presence>()
  const note = (presence: Presence): void => {
    const { userId, status, lastSeenAt } = presence
    const before = known.get(userId)
    known.set(userId, presence)
    if (before?.status !== status || before.lastSeenAt !== lastSeenAt) changed(presence)
  }
  const of = async (userIds: readonly string[]): Promise<Presence[]> => {
    const answers: Presence[] = []
    for (let from = 0; from < userIds.length; from += maxUsers) {
      const some = userIds.slice(from, from + maxUsers).join(',')
      answers.push(...(await request('GET /presence', { query: { userIds: some } })).items)
    }
    for (const presence of answers) note(presence)
    return answers
  }
  return {
    of,
    changed: note,
    refresh: async () => void (await of([...known.keys()])),
  }
}
