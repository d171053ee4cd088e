import { Duration } from 'aws-cdk-lib'
import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import {
  type MetricName,
  type metricDimensions,
  metricNamespace,
  serviceName,
} from '../../shared/platform/metric-catalogue.ts'
import type { StageName } from './stages.ts'

const minute = Duration.minutes(1)

/** A metric that functions write. */
export const ownMetric = (stage: StageName, name: MetricName, statistic: string, period = minute): Metric => {
  const dimensionsMap: Record<(typeof metricDimensions)[number], string> = { service: serviceName, stage }
  return new Metric({ namespace: metricNamespace, metricName: name, dimensionsMap, statistic, period, label: name })
}

/** A metric of the serverless cache. Its dimension is not that of other caches. */
export const cacheMetric = (cacheName: string, metricName: string, statistic: string, period = minute): Metric =>
  new Metric({
    namespace: 'AWS/ElastiCache',
    metricName,
    dimensionsMap: { clusterId: cacheName },
    statistic,
    period,
    label: metricName,
  })

export const proxyMetric = (proxyName: string, metricName: string, statistic: string, period = minute): Metric =>
  new Metric({
    namespace: 'AWS/RDS',
    metricName,
    dimensionsMap: { ProxyName: proxyName },
    statistic,
    period,
    label: metricName,
  })

/** What is enough of a sample for a percentage, in the period of the metrics. */
const fewest = 1_000
/** How many failures weigh as much as one per cent, where there are fewer than that. */
const failuresForOne = 5

/** How bad failures are: per cent of all, or where there are few of those, one for every five failures. */
export const severity = (failures: readonly IMetric[], all: readonly IMetric[], period: Duration): MathExpression => {
  const named = (prefix: string, metrics: readonly IMetric[]) =>
    Object.fromEntries(metrics.map((metric, index) => [`${prefix}${index}`, metric]))
  const [failing, counted] = [named('failures', failures), named('all', all)]
  const sum = (metrics: Record<string, IMetric>) =>
    `(${Object.keys(metrics)
      .map(id => `FILL(${id}, 0)`)
      .join(' + ')})`
  return new MathExpression({
    expression: `IF(${sum(counted)} > ${fewest}, 100 * ${sum(failing)} / ${sum(counted)}, ${sum(failing)} / ${failuresForOne})`,
    usingMetrics: { ...failing, ...counted },
    period,
    label: 'per cent',
  })
}
