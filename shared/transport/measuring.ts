import { measure, publishMetrics } from '../platform/metrics.ts'
import type { Problem } from '../platform/problems.ts'

/**
 * The middleware that writes what an event measured. To be the first of its stack, which middy runs last, so that what other
 * middlewares measure of an error is in it.
 */
export const publishingMetrics = { after: () => publishMetrics(), onError: () => publishMetrics() }

/** Counts a problem that a client is answered with. */
export const measureProblem = ({ status }: Problem): void => {
  if (status === 429) measure('Throttles')
  if (status >= 500) measure('Failures')
}
