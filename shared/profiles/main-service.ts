import {
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  retry,
  wrap,
} from 'cockatiel'
import { measure } from '../platform/metrics.ts'
import { BatchAnswer } from './main-service.schema.ts'
import type { Subject } from './profiles.schema.ts'

export interface FetchedProfile {
  name: string
  avatarUrl: string | null
}

/** The platform's main service, which owns users and businesses. */
export interface MainService {
  /**
   * Profiles of these, by `subjectKey`; those that it does not know, or that make no sense, are not among them. Tried again
   * twice within the patience. Rejects when the service does not answer as it should, and at once while it is left alone for
   * that: for 10 s after five failures in a row, or after one answer that was waited for in vain.
   *
   * @param subjects 100 at most.
   */
  ask(subjects: readonly Subject[], patience: AbortSignal): Promise<Map<string, FetchedProfile>>
}

export const subjectKey = ({ kind, id }: Subject): string => `${kind}:${id}`

export const mostSubjects = 100
/** Four times what a hundred of the longest profiles take. */
const mostBytes = 1024 * 1024
const leftAloneMs = 10_000
const failuresInARow = 5
const retries = 2
const firstRetryAfterMs = 100
const longestDelayMs = 500
/** A call that is given up sooner than this says nothing of the service: its caller had little time. */
const longWaitMs = 1_000
/** The name of the error of `AbortSignal.timeout`. */
const givenUp = 'TimeoutError'

/** It was waited for in vain: whoever asks next is not to wait as well. */
class WaitedInVain extends Error {
  override readonly name = 'WaitedInVain'
}

const createPolicy = () => {
  const breakers = [
    circuitBreaker(
      handleWhen(error => error instanceof WaitedInVain),
      { halfOpenAfter: leftAloneMs, breaker: new ConsecutiveBreaker(1) },
    ),
    circuitBreaker(
      handleWhen(error => !(error instanceof Error && error.name === givenUp)),
      { halfOpenAfter: leftAloneMs, breaker: new ConsecutiveBreaker(failuresInARow) },
    ),
  ] as const
  for (const breaker of breakers) breaker.onBreak(() => measure('ProfileBreakerOpened'))
  const [ofWaiting, ofFailures] = breakers
  const again = retry(
    handleWhen(error => !isBrokenCircuitError(error)),
    {
      maxAttempts: retries,
      backoff: new ExponentialBackoff({ initialDelay: firstRetryAfterMs, maxDelay: longestDelayMs }),
    },
  )
  return wrap(ofWaiting, again, ofFailures)
}

/** Reads no further than the limit, whatever comes. */
const textOf = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new Error(`The main service answers with more than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** The fault of a text that is no JSON quotes it, and no name is to reach the log. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('The main service answers with something that is not JSON')
  }
}

const idsOf = (subjects: readonly Subject[], wanted: Subject['kind']): string[] =>
  subjects.filter(({ kind }) => kind === wanted).map(({ id }) => id)

const byKey = ({ users = [], businesses = [] }: BatchAnswer): Map<string, FetchedProfile> =>
  new Map([
    ...users.map(({ id, ...profile }) => [subjectKey({ kind: 'user', id }), profile] as const),
    ...businesses.map(({ id, ...profile }) => [subjectKey({ kind: 'business', id }), profile] as const),
  ])

export const createMainService = (url: string, token: () => Promise<string>): MainService => {
  const policy = createPolicy()
  const address = new URL(`${url.replace(/\/+$/, '')}/api/batch/profiles`)

  const request = async (subjects: readonly Subject[], signal: AbortSignal): Promise<BatchAnswer> => {
    const response = await fetch(address, {
      method: 'POST',
      headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ user_uuids: idsOf(subjects, 'user'), business_uuids: idsOf(subjects, 'business') }),
      redirect: 'error',
      signal,
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`The main service answers with ${response.status}`)
    }
    return BatchAnswer.parse(parsed(await textOf(response)))
  }

  return {
    ask: async (subjects, patience) => {
      const askedAt = performance.now()
      return policy.execute(async () => {
        try {
          return byKey(await request(subjects, patience))
        } catch (cause) {
          const waited = performance.now() - askedAt
          if (!patience.aborted || waited < longWaitMs) throw cause
          throw new WaitedInVain(`No answer from the main service within ${Math.round(waited)} ms`, { cause })
        }
      }, patience)
    },
  }
}
