import { Metrics } from '@aws-lambda-powertools/metrics'
import { type MetricName, metricUnits } from './metric-catalogue.ts'

/**
 * What was measured and is not written yet. Where one environment serves many requests at once, Powertools keeps it for each of
 * them, or, without a runtime that tells them apart, whoever ends first writes all: nothing in it says whose it is. Made within
 * the first event, because in such an environment it can't be made outside of one.
 */
let metrics: Metrics | undefined

/** Notes a value, to be written when the event ends. To be called within an event. */
export const measure = (name: MetricName, value = 1): void => {
  metrics ??= new Metrics({ defaultDimensions: { stage: process.env.STAGE ?? 'none' } })
  metrics.addMetric(name, metricUnits[name], value)
}

/** Writes what was measured, as one line of the log, from which CloudWatch makes metrics; nothing when there is nothing. */
export const publishMetrics = (): void => {
  if (metrics?.hasStoredMetrics()) metrics.publishStoredMetrics()
}
