import type { EmfOutput } from '@aws-lambda-powertools/metrics/types'
import type { MetricName } from '../../shared/platform/metric-catalogue.ts'

let forgotten = 0

/** The values of a metric that have been written since this test file began, or since `forgetWrittenMetrics`. */
export const writtenValues = (name: MetricName): number[] =>
  globalThis.writtenMetrics.slice(forgotten).flatMap(line => {
    const value = line[name] as number | number[] | undefined
    return value === undefined ? [] : value
  })

export const forgetWrittenMetrics = (): void => {
  forgotten = globalThis.writtenMetrics.length
}

/** Every line that has been written since this test file began. */
export const allWrittenMetrics = (): readonly EmfOutput[] => globalThis.writtenMetrics
