import { once } from 'node:events'
import { ConsecutiveBreaker, circuitBreaker, handleAll, TimeoutStrategy, timeout, wrap } from 'cockatiel'
import type { Cluster } from 'ioredis'
import { Problem } from '../platform/problems.ts'

const callTimeoutMs = 200
/** Of a call that waits for a connection to be made. */
const connectingCallTimeoutMs = 400
/** After that many failures in a row Redis is left alone for a moment: while it is down, nobody waits for it. */
const failuresInARow = 5
const leftAloneMs = 1_000

const createPolicies = () => {
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: leftAloneMs,
    breaker: new ConsecutiveBreaker(failuresInARow),
  })
  // One timer for all commands of a call: ioredis would start one for each. That a call has returned is told to nobody: the signal is
  // there for the time-out, and an abort costs more than the rest.
  const within = (milliseconds: number) =>
    wrap(breaker, timeout(milliseconds, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false }))
  return { connected: within(callTimeoutMs), connecting: within(connectingCallTimeoutMs) }
}

/** Of each client: what one server does says nothing of another. */
const policiesOf = new WeakMap<Cluster, ReturnType<typeof createPolicies>>()

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
 * Asks Redis, for 200 ms at most, for 400 ms where a connection has to be made first. Rejects with `store_unavailable` for whatever
 * goes wrong. What has to wait for a connection waits here: in the queue of ioredis it would be sent when Redis is back, long after
 * its caller has given up (so a lease was taken that nobody held).
 */
export const callRedis = async <Reply>(redis: Cluster, call: () => Promise<Reply>): Promise<Reply> => {
  const policies = policiesOf.get(redis) ?? createPolicies()
  policiesOf.set(redis, policies)
  try {
    return await policies[redis.status === 'ready' ? 'connected' : 'connecting'].execute(async ({ signal }) => {
      await untilConnected(redis)
      signal.throwIfAborted()
      return call()
    })
  } catch (cause) {
    throw new Problem('store_unavailable', 'Redis is not available. Try again.', { retryAfterSeconds: 2, cause })
  }
}
