import { isBrokenCircuitError } from 'cockatiel'
import type { Cluster } from 'ioredis'
import type { Clock } from '../platform/clock.ts'
import { inChunks } from '../platform/in-chunks.ts'
import { logger } from '../platform/logger.ts'
import { measure } from '../platform/metrics.ts'
import { type Entry, entryAfter, type Found, isAgeing, isDue, isFresh, type ProfileLifetimes } from './entry.ts'
import { type MainService, mostSubjects, subjectKey } from './main-service.ts'
import { placeholder } from './placeholder.ts'
import { claimRefresh, readProfiles, storeProfiles } from './profile-cache.ts'
import type { Profile, Subject } from './profiles.schema.ts'
import type { RefreshJob, RefreshQueue } from './refresh.jobs.ts'

/** Profiles as they are shown: of whom nothing is known, a placeholder. */
export interface LoadedProfiles {
  user(id: string): Profile
  business(id: string): Profile
}

/** Who users and businesses are. The main service knows; here it is only kept for a while, in Redis and nowhere else. */
export interface Profiles {
  /**
   * Profiles of any number of users and businesses. One Redis round trip; a call of the main service, and a second round trip,
   * for each hundred of which nothing fresh is kept. Never rejects and never takes longer than the patience: what is not there by
   * then is shown stale, or as a placeholder.
   *
   * @param patience Of a request that asks more than once, for all of it together; by default 2 s.
   */
  load(
    wanted: { userIds?: Iterable<string>; businessIds?: Iterable<string> },
    patience?: AbortSignal,
  ): Promise<LoadedProfiles>
}

export interface ProfilesDeps {
  redis: Cluster
  mainService: MainService
  refreshes: RefreshQueue
  clock: Clock
  lifetimes: ProfileLifetimes
}

const patienceMs = 2_000
/** Nobody waits for what is done in the background. */
const refreshPatienceMs = 5_000

/** How long a request waits for profiles, from now on. */
export const profilePatience = (): AbortSignal => AbortSignal.timeout(patienceMs)

type Known = Found & { subject: Subject }

const unknown: Found = { entry: undefined, change: '' }

/** What Redis knows. */
const readKnown = async (redis: Cluster, subjects: readonly Subject[]): Promise<Known[]> => {
  const found = await readProfiles(redis, subjects)
  return subjects.map((subject, index) => ({ subject, ...(found[index] ?? unknown) }))
}

/** The same; nothing while Redis is down. */
const readIfPossible = async (redis: Cluster, subjects: readonly Subject[]): Promise<Known[]> =>
  readKnown(redis, subjects).catch(error => {
    logger.warn('Profiles can not be read from Redis', error)
    return subjects.map(subject => ({ subject, ...unknown }))
  })

/**
 * Asks the main service for up to a hundred and keeps what it says; returns that. Rejects when it can't be asked. That Redis
 * does not take it is no fault here.
 */
const askFor = async (
  { redis, mainService, lifetimes }: Omit<ProfilesDeps, 'refreshes' | 'clock'>,
  known: readonly Known[],
  now: Date,
  patience: AbortSignal,
): Promise<{ subject: Subject; entry: Entry }[]> => {
  const answer = await mainService.ask(
    known.map(({ subject }) => subject),
    patience,
  )
  const entries = known.map(({ subject, ...found }) => ({
    subject,
    entry: entryAfter(found, answer.get(subjectKey(subject)), now),
  }))
  await storeProfiles(redis, entries, lifetimes).catch((error: Error) => logger.warn('Profiles can not be kept', error))
  return entries
}

/** Has those fetched in the background that will be due soon; nobody waits for that, and it may fail. */
const refreshSoon = async ({ redis, refreshes }: ProfilesDeps, ageing: readonly Subject[]): Promise<void> => {
  if (ageing.length === 0) return
  try {
    const claimed = await claimRefresh(redis, ageing)
    await refreshes.sendAll(inChunks(claimed, mostSubjects).map(subjects => ({ job: { subjects } })))
  } catch (error) {
    logger.warn('Profiles are not refreshed in the background', error as Error)
  }
}

/** Resolves when the work is done, or the patience is over. */
const within = async (patience: AbortSignal, work: Promise<unknown>): Promise<void> => {
  const { promise: isOver, resolve } = Promise.withResolvers<void>()
  patience.addEventListener('abort', () => resolve(), { once: true })
  await Promise.race([work, isOver])
}

const warnUnlessLeftAlone = (error: Error): void => {
  if (!isBrokenCircuitError(error)) logger.warn('The main service can not be asked', error)
}

const subjectsOf = (userIds: Iterable<string>, businessIds: Iterable<string>): Subject[] => [
  ...Array.from(new Set(userIds), id => ({ kind: 'user' as const, id })),
  ...Array.from(new Set(businessIds), id => ({ kind: 'business' as const, id })),
]

const shownAs = (shown: ReadonlyMap<string, Profile>): LoadedProfiles => {
  const profileOf = (subject: Subject): Profile => shown.get(subjectKey(subject)) ?? placeholder(subject)
  return { user: id => profileOf({ kind: 'user', id }), business: id => profileOf({ kind: 'business', id }) }
}

export const createProfiles = (deps: ProfilesDeps): Profiles => ({
  load: async ({ userIds = [], businessIds = [] }, patience = profilePatience()) => {
    const shown = new Map<string, Profile>()
    const show = (subject: Subject, entry: Entry | undefined, stale: boolean): void => {
      if (entry?.profile) shown.set(subjectKey(subject), { ...entry.profile, stale })
    }
    const { lifetimes } = deps
    const subjects = subjectsOf(userIds, businessIds)
    const known = subjects.length === 0 ? [] : await readIfPossible(deps.redis, subjects)
    const now = deps.clock.now()
    for (const each of known) show(each.subject, each.entry, !isFresh(each, now, lifetimes))
    const due = known.filter(each => isDue(each, now, lifetimes))
    if (known.length > due.length) measure('ProfileCacheHits', known.length - due.length)
    if (due.length > 0) measure('ProfileCacheMisses', due.length)
    const ageing = known.filter(each => isAgeing(each, now, lifetimes)).map(({ subject }) => subject)
    if (patience.aborted) return shownAs(shown)
    const fetchChunk = async (chunk: readonly Known[]): Promise<void> => {
      try {
        for (const { subject, entry } of await askFor(deps, chunk, now, patience)) {
          show(subject, entry, entry.missingSince !== null)
        }
      } catch (error) {
        warnUnlessLeftAlone(error as Error)
      }
    }
    await within(patience, Promise.all([refreshSoon(deps, ageing), ...inChunks(due, mostSubjects).map(fetchChunk)]))
    return shownAs(shown)
  },
})

/** For a platform that has no main service: everybody is a placeholder. */
export const placeholders: Profiles = { load: async () => shownAs(new Map()) }

export type RefreshDeps = Omit<ProfilesDeps, 'refreshes' | 'mainService'> & { mainService: MainService | undefined }

/**
 * Fetches those of these anew that are old, so a job that comes twice costs one call. While the main service can't be asked it
 * does nothing: whoever needs one of them when it is due asks for it themselves. Rejects with `store_unavailable`.
 */
export const refreshProfiles = async (
  { redis, mainService, clock, lifetimes }: RefreshDeps,
  { subjects }: RefreshJob,
): Promise<void> => {
  if (!mainService) return
  const now = clock.now()
  const known = await readKnown(redis, subjects)
  const old = known.filter(each => isAgeing(each, now, lifetimes) || isDue(each, now, lifetimes))
  if (old.length === 0) return
  const patience = AbortSignal.timeout(refreshPatienceMs)
  await askFor({ redis, mainService, lifetimes }, old, now, patience).catch(warnUnlessLeftAlone)
}
