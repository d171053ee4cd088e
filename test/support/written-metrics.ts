import type { MetricName } from '../../shared/platform/metric-catalogue.ts'

/** The values of a metric that have been written since this test file began, or since `forgetWrittenMetrics`. */
export const writtenValues = (name: MetricName): number[] =>
  globalThis.writtenMetrics.flatMap(line => {
    const value = line[name] as number | number[] | undefined
    return value === undefined ? [] : value
  })

export const forgetWrittenMetrics = (): void => {
  globalThis.writtenMetrics.length = 0
}
