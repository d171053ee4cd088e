import { Duration, Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import { Construct } from 'constructs'
import { cacheMetric, ownMetric, proxyMetric, severity } from './metrics.ts'
import type { MonitoredStack } from './monitored-stack.ts'

/** The alarms there are: each has an entry in `docs/runbook.md` under this name. */
export type AlarmKind =
  | 'FunctionErrors'
  | 'FunctionThrottles'
  | 'HttpErrors'
  | 'WebSocketErrors'
  | 'Failures'
  | 'PushesFailing'
  | 'PushLatency'
  | 'ReplayAge'
  | 'UnreadableMessages'
  | 'ProfileBreaker'
  | 'SweepStandsStill'
  | 'QueueAge'
  | 'DeadLetters'
  | 'ScheduleDeadLetters'
  | 'EventDeadLetters'
  | 'ScheduleErrors'
  | 'RetentionStandsStill'
  | 'PartitionsAhead'
  | 'AuroraCapacity'
  | 'AuroraCpu'
  | 'AuroraConnections'
  | 'ProxyPinning'
  | 'ProxyBorrowing'
  | 'CacheMemory'
  | 'CacheProcessing'
  | 'CacheEvictions'
  | 'TableThrottles'
  | 'AuditFailures'

interface Definition {
  kind: AlarmKind
  /** Which one, where there are several of a kind. */
  of?: string
  /** What it means, in a sentence that ends with a point. */
  meaning: string
  metric: IMetric
  threshold: number
  /** At or above the threshold by default. */
  comparison?: ComparisonOperator
  /** For so many periods of the metric in a row, one by default. */
  periods?: number
  /** Nothing measured is nothing bad by default. */
  missing?: TreatMissingData
}

const fiveMinutes = Duration.minutes(5)
const gigabyte = 1e9
/** What is left to grow into when an alarm says that a store is nearly full. */
const nearlyFull = 0.8
const queueAgeSeconds = 300

/** `max_connections` of Aurora PostgreSQL by default, by the largest capacity: 2 GiB a unit. */
const mostConnections = (maxCapacity: number): number =>
  Math.min(5_000, Math.floor((maxCapacity * 2 ** 31) / 9_531_392))

export interface AlarmsProps {
  readonly monitored: MonitoredStack
  readonly topic: ITopic
}

/** Every alarm of the stack. Each tells the topic when it begins and when it ends, and says where to read on. */
export class Alarms extends Construct {
  /** By kind, then by what they are of. */
  private readonly alarms = new Map<AlarmKind, Map<string, Alarm>>()

  constructor(scope: Construct, id: string, { monitored, topic }: AlarmsProps) {
    super(scope, id)
    const action = new SnsAction(topic)
    const definitions = [
      ...functionAlarms(monitored),
      ...clientAlarms(monitored),
      ...workAlarms(monitored),
      ...storeAlarms(monitored),
    ]
    for (const definition of definitions) {
      const { kind, of = '', meaning, metric, threshold, comparison, periods = 1, missing } = definition
      const alarm = new Alarm(this, `${kind}${of}`, {
        alarmName: [Stack.of(this).stackName, kind, of].filter(Boolean).join('-'),
        alarmDescription: `${meaning} See docs/runbook.md#${kind.toLowerCase()}`,
        metric,
        threshold,
        comparisonOperator: comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluationPeriods: periods,
        treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
      })
      alarm.addAlarmAction(action)
      alarm.addOkAction(action)
      const ofKind = this.alarms.get(kind) ?? new Map<string, Alarm>()
      this.alarms.set(kind, ofKind.set(of, alarm))
    }
  }

  /** Those that tell that a new version of a function is worse than the one before. */
  onDeployment(functionName: string): Alarm[] {
    const ofAll = (['HttpErrors', 'WebSocketErrors', 'Failures'] as const).flatMap(kind => [
      ...(this.alarms.get(kind)?.values() ?? []),
    ])
    const own = this.alarms.get('FunctionErrors')?.get(functionName)
    return own ? [own, ...ofAll] : ofAll
  }
}

const functionAlarms = ({ topology, functions }: MonitoredStack): Definition[] => [
  ...Object.entries(functions)
    // The authorizer refuses a bad token by failing; what fails in it for another reason is among `Failures`.
    .filter(([name]) => name !== topology.webSocketAuthorizer)
    .map(
      ([name, lambda]): Definition => ({
        kind: 'FunctionErrors',
        of: name,
        meaning: `${name} throws, runs out of time or crashes.`,
        metric: lambda.metricErrors({ period: fiveMinutes }),
        threshold: 3,
      }),
    ),
  {
    kind: 'FunctionThrottles',
    meaning: 'Lambda has no room for more of the functions of this account at once.',
    metric: LambdaFunction.metricAllThrottles({ period: fiveMinutes }),
    threshold: 1,
    periods: 2,
  },
]

/** What clients notice. */
const clientAlarms = ({ stage, httpApi, webSocketStage }: MonitoredStack): Definition[] => {
  const own = (name: Parameters<typeof ownMetric>[1], statistic: string) =>
    ownMetric(stage, name, statistic, fiveMinutes)
  const webSocket = (name: string) => webSocketStage.metric(name, { statistic: 'Sum', period: fiveMinutes })
  return [
    {
      kind: 'HttpErrors',
      meaning: 'The HTTP API answers with 5xx: one per cent of requests, or five where there are few.',
      metric: severity(
        [httpApi.metricServerError({ statistic: 'Sum', period: fiveMinutes })],
        [httpApi.metricCount({ statistic: 'Sum', period: fiveMinutes })],
        fiveMinutes,
      ),
      threshold: 1,
    },
    {
      kind: 'WebSocketErrors',
      meaning: 'The WebSocket API fails to serve frames or handshakes: one per cent, or five where there are few.',
      metric: severity(
        [webSocket('IntegrationError'), webSocket('ExecutionError')],
        [webSocket('MessageCount')],
        fiveMinutes,
      ),
      threshold: 1,
    },
    {
      kind: 'Failures',
      meaning: 'Functions answer requests, frames or handshakes with a 5xx.',
      metric: own('Failures', 'Sum'),
      threshold: 10,
    },
    {
      kind: 'PushesFailing',
      meaning: 'The gateway does not take pushes: one per cent of them, or five where there are few.',
      metric: severity([own('PushesFailed', 'Sum')], [own('PushesSent', 'Sum')], fiveMinutes),
      threshold: 1,
      periods: 2,
    },
    {
      kind: 'PushLatency',
      meaning: 'One message in a hundred takes over 2 s from its commit to the gateway.',
      metric: own('PushLatency', 'p99'),
      threshold: 2_000,
      periods: 3,
    },
    {
      kind: 'ReplayAge',
      meaning: 'One connect in twenty waits over 15 s for what it missed.',
      metric: own('ReplayAge', 'p95'),
      threshold: 15_000,
      periods: 3,
    },
    {
      kind: 'UnreadableMessages',
      meaning: 'Messages are shown without their content, which no key opens.',
      metric: own('UnreadableMessages', 'Sum'),
      threshold: 1,
    },
    {
      kind: 'ProfileBreaker',
      meaning: 'The main service does not answer: names and pictures are old, or placeholders.',
      metric: own('ProfileBreakerOpened', 'Sum'),
      threshold: 1,
      periods: 2,
    },
  ]
}

/** Work that nobody waits for. */
const workAlarms = ({
  stage,
  queues,
  scheduleDeadLetters,
  eventDeadLetters,
  schedules,
}: MonitoredStack): Definition[] => [
  ...Object.entries({ ...queues.queues, ...queues.outbound }).map(
    ([name, queue]): Definition => ({
      kind: 'QueueAge',
      of: name,
      meaning: `Jobs of the queue ${name} wait for over five minutes.`,
      metric: queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: fiveMinutes }),
      threshold: queueAgeSeconds,
      periods: 2,
    }),
  ),
  ...Object.entries(queues.deadLetters).map(
    ([name, queue]): Definition => ({
      kind: 'DeadLetters',
      of: name,
      meaning: `Jobs of the queue ${name} have failed for good.`,
      metric: queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: fiveMinutes }),
      threshold: 1,
    }),
  ),
  {
    kind: 'ScheduleDeadLetters',
    meaning: 'A scheduled run has failed for good.',
    metric: scheduleDeadLetters.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: fiveMinutes }),
    threshold: 1,
  },
  {
    kind: 'EventDeadLetters',
    meaning: 'An event of the platform was given up.',
    metric: eventDeadLetters.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: fiveMinutes }),
    threshold: 1,
  },
  {
    kind: 'ScheduleErrors',
    meaning: 'The scheduler fails to call a function.',
    metric: schedules.metricTargetErrors({ statistic: 'Sum', period: fiveMinutes }),
    threshold: 1,
  },
  {
    kind: 'SweepStandsStill',
    meaning: 'The sweep has not been planned for five minutes: nothing that was lost is found again.',
    metric: ownMetric(stage, 'Connections', 'SampleCount', fiveMinutes),
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    threshold: 1,
    missing: TreatMissingData.BREACHING,
  },
  {
    kind: 'RetentionStandsStill',
    meaning: 'Retention has not run for three hours.',
    metric: ownMetric(stage, 'PartitionsAhead', 'SampleCount', Duration.hours(1)),
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    threshold: 1,
    periods: 3,
    missing: TreatMissingData.BREACHING,
  },
  {
    kind: 'PartitionsAhead',
    meaning: 'Fewer than two partitions are ahead: when none is left, nothing can be sent.',
    metric: ownMetric(stage, 'PartitionsAhead', 'Minimum', Duration.hours(1)),
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    threshold: 2,
    missing: TreatMissingData.IGNORE,
  },
  {
    kind: 'AuditFailures',
    meaning: 'The queue does not take entries of the audit trail, which are in the log alone.',
    metric: ownMetric(stage, 'AuditFailures', 'Sum', fiveMinutes),
    threshold: 1,
  },
]

const storeAlarms = ({ database, cacheName, tables, settings }: MonitoredStack): Definition[] => {
  const { cluster, proxyName } = database
  const cache = (name: string, statistic: string) => cacheMetric(cacheName, name, statistic, fiveMinutes)
  const proxy = (name: string, statistic: string) => proxyMetric(proxyName ?? '', name, statistic, fiveMinutes)
  const { maxCapacity } = settings.database
  const { maxGigabytes, maxProcessingUnitsPerSecond } = settings.cache
  return [
    {
      kind: 'AuroraCapacity',
      meaning: `Aurora has grown to over 90 % of its ${maxCapacity} capacity units.`,
      metric: cluster.metricACUUtilization({ statistic: 'Maximum', period: fiveMinutes }),
      threshold: 90,
      periods: 3,
    },
    {
      kind: 'AuroraCpu',
      meaning: 'Aurora computes at over 90 %.',
      metric: cluster.metricCPUUtilization({ statistic: 'Average', period: fiveMinutes }),
      threshold: 90,
      periods: 3,
    },
    {
      kind: 'AuroraConnections',
      meaning: 'Aurora has four fifths of the connections that it takes.',
      metric: cluster.metricDatabaseConnections({ statistic: 'Maximum', period: fiveMinutes }),
      threshold: Math.floor(mostConnections(maxCapacity) * nearlyFull),
    },
    ...(proxyName
      ? [
          {
            kind: 'ProxyPinning' as const,
            meaning: 'Sessions hold on to connections of the proxy, which it is unable to share then.',
            metric: proxy('DatabaseConnectionsCurrentlySessionPinned', 'Maximum'),
            threshold: 5,
            periods: 3,
          },
          {
            kind: 'ProxyBorrowing' as const,
            meaning: 'Functions wait over half a second for a connection of the proxy.',
            metric: proxy('DatabaseConnectionsBorrowLatency', 'Average'),
            // Microseconds.
            threshold: 500_000,
            periods: 2,
          },
        ]
      : []),
    {
      kind: 'CacheMemory',
      meaning: `Valkey holds four fifths of its ${maxGigabytes} GB.`,
      metric: cache('BytesUsedForCache', 'Maximum'),
      threshold: maxGigabytes * gigabyte * nearlyFull,
    },
    {
      kind: 'CacheProcessing',
      meaning: 'Valkey computes at four fifths of its limit.',
      metric: cache('ElastiCacheProcessingUnits', 'Sum'),
      threshold: maxProcessingUnitsPerSecond * fiveMinutes.toSeconds() * nearlyFull,
    },
    {
      kind: 'CacheEvictions',
      meaning: 'Valkey throws keys away for want of room.',
      metric: cache('Evictions', 'Sum'),
      threshold: 1,
    },
    ...Object.entries(tables).map(
      ([name, table]): Definition => ({
        kind: 'TableThrottles',
        of: name,
        meaning: `DynamoDB refuses requests to the table ${name}, which come too fast.`,
        metric: table.metric('WriteThrottleEvents', { statistic: 'Sum', period: fiveMinutes }),
        threshold: 1,
        periods: 2,
      }),
    ),
  ]
}
