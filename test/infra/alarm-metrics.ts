import type { Template } from 'aws-cdk-lib/assertions'
import { type Resource, resources } from './rendered.ts'

/** A metric as CloudWatch knows it. */
export interface AlarmMetric {
  readonly Namespace: string
  readonly MetricName: string
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[]
}

export const alarmsOf = (template: Template): Resource[] => resources(template, 'AWS::CloudWatch::Alarm')

/** What an alarm looks at: one metric, or those of which its expression is made. */
export const metricsOf = ({ properties }: Resource): AlarmMetric[] =>
  properties.Metrics
    ? (properties.Metrics as { MetricStat?: { Metric: AlarmMetric } }[]).flatMap(each => each.MetricStat?.Metric ?? [])
    : [properties as unknown as AlarmMetric]

/** Of services of AWS, which write them by themselves: no test of ours can. */
const byAws = ['AWS/ApiGateway', 'AWS/DynamoDB', 'AWS/ElastiCache', 'AWS/Lambda', 'AWS/RDS', 'AWS/SQS', 'AWS/Scheduler']

/** What all alarms of a stack look at and our functions have to write. */
export const ownMetricsOfAlarms = (template: Template): AlarmMetric[] =>
  alarmsOf(template)
    .flatMap(metricsOf)
    .filter(({ Namespace }) => !byAws.includes(Namespace))
