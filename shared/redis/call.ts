import { ConsecutiveBreaker, circuitBreaker, handleAll, TimeoutStrategy, timeout, wrap } from 'cockatiel'
import type { Cluster } from 'ioredis'
import { Problem } from '../platform/problems.ts'

/**
 * Twice the time that ioredis gives a command: it covers one that waits for a connection to be made, which has no time-out of
 * its own in cluster mode (measured: a command after Redis was killed was never answered).
 */
const callTimeoutMs = 400
/** After that many failures in a row Redis is left alone for a moment: while it is down, nobody waits for it. */
const failuresInARow = 5
const leftAloneMs = 1_000

const createPolicy = () =>
  wrap(
    circuitBreaker(handleAll, { halfOpenAfter: leftAloneMs, breaker: new ConsecutiveBreaker(failuresInARow) }),
    timeout(callTimeoutMs, TimeoutStrategy.Aggressive),
  )

/** One for each client: what one server does says nothing of another. */
const policies = new WeakMap<Cluster, ReturnType<typeof createPolicy>>()

/** Asks Redis, for 400 ms at most. Rejects with `store_unavailable` for whatever goes wrong. */
export const callRedis = async <Reply>(redis: Cluster, call: () => Promise<Reply>): Promise<Reply> => {
  const policy = policies.get(redis) ?? createPolicy()
  policies.set(redis, policy)
  try {
    return await policy.execute(call)
  } catch (cause) {
    throw new Problem('store_unavailable', 'Redis is not available. Try again.', { retryAfterSeconds: 2, cause })
  }
}
