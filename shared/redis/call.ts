import { once } from 'node:events'
import { ConsecutiveBreaker, circuitBreaker, handleAll, TimeoutStrategy, timeout, wrap } from 'cockatiel'
import type { Cluster } from 'ioredis'
import { Problem } from '../platform/problems.ts'

/** Twice the time that ioredis gives a command: it covers one that waits for a connection to be made. */
const callTimeoutMs = 400
/** After that many failures in a row Redis is left alone for a moment: while it is down, nobody waits for it. */
const failuresInARow = 5
const leftAloneMs = 1_000

const createPolicy = () =>
  wrap(
    circuitBreaker(handleAll, { halfOpenAfter: leftAloneMs, breaker: new ConsecutiveBreaker(failuresInARow) }),
    // That it has returned is told to nobody: the signal is there for the time-out, and an abort costs more than the rest.
    timeout(callTimeoutMs, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false }),
  )

/** One for each client: what one server does says nothing of another. */
const policies = new WeakMap<Cluster, ReturnType<typeof createPolicy>>()

/** Those who wait for a client to be connected, all together: a listener for each would be too many. */
const connecting = new WeakMap<Cluster, Promise<unknown>>()

/** Rejects when Redis could not be reached; pends as long as nobody knows. */
const untilConnected = async (redis: Cluster): Promise<void> => {
  if (redis.status === 'ready') return
  const known = connecting.get(redis)
  const ready = known ?? once(redis, 'ready').finally(() => connecting.delete(redis))
  connecting.set(redis, ready)
  // The error is told by the event.
  if (redis.status === 'wait') redis.connect().catch(() => {})
  await ready
}

/**
 * Asks Redis, for 400 ms at most. Rejects with `store_unavailable` for whatever goes wrong. What has to wait for a connection
 * waits here: in the queue of ioredis it would have no time-out, and be sent when Redis is back, long after its caller has
 * given up (so a lease was taken that nobody held).
 */
export const callRedis = async <Reply>(redis: Cluster, call: () => Promise<Reply>): Promise<Reply> => {
  const policy = policies.get(redis) ?? createPolicy()
  policies.set(redis, policy)
  try {
    return await policy.execute(async ({ signal }) => {
      await untilConnected(redis)
      signal.throwIfAborted()
      return call()
    })
  } catch (cause) {
    throw new Problem('store_unavailable', 'Redis is not available. Try again.', { retryAfterSeconds: 2, cause })
  }
}
