import { Duration, Stack } from 'aws-cdk-lib'
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  MathExpression,
  type Metric,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import type { MetricName } from '../../shared/platform/metric-catalogue.ts'
import { prices } from '../cost/prices.ts'
import { cacheMetric, ownMetric, proxyMetric } from './metrics.ts'
import type { MonitoredStack } from './monitored-stack.ts'

const fullWidth = 24
const height = 6
const gigabyte = 1e9
const hour = Duration.hours(1)

interface Graph {
  title: string
  left: IMetric[]
  right?: IMetric[]
  unit?: string
}

const graph = ({ title, left, right = [], unit }: Graph, width: number): GraphWidget =>
  new GraphWidget({
    title,
    left,
    right,
    width,
    height,
    leftYAxis: { min: 0, ...(unit && { label: unit, showUnits: false }) },
  })

/** A title, and under it graphs side by side, so many in a line. */
const section = (title: string, inLine: number, graphs: readonly Graph[]): IWidget[][] => {
  const widgets = graphs.map(each => graph(each, fullWidth / inLine))
  const lines = Array.from({ length: Math.ceil(widgets.length / inLine) }, (_, line) =>
    widgets.slice(line * inLine, (line + 1) * inLine),
  )
  return [[new TextWidget({ markdown: `# ${title}`, width: fullWidth, height: 1 })], ...lines]
}

/** One dashboard of three parts: what users notice, how the system does, and what it costs. */
export const createDashboard = (scope: Construct, monitored: MonitoredStack): Dashboard =>
  new Dashboard(scope, 'Dashboard', {
    dashboardName: Stack.of(scope).stackName,
    defaultInterval: Duration.hours(12),
    widgets: [
      ...section('Users', 4, users(monitored)),
      ...section('System', 4, system(monitored)),
      ...section('Money', 2, money(monitored)),
    ],
  })

const users = ({ stage, httpApi, webSocketStage }: MonitoredStack): Graph[] => {
  const own = (statistic: string, ...names: MetricName[]) => names.map(name => ownMetric(stage, name, statistic))
  const percentiles = (name: MetricName, ...statistics: string[]) =>
    statistics.map(statistic => ownMetric(stage, name, statistic).with({ label: statistic }))
  return [
    { title: 'Messages a minute', left: own('Sum', 'MessagesSent', 'MessagesReplayed') },
    { title: 'From commit to gateway', left: percentiles('PushLatency', 'p50', 'p95', 'p99'), unit: 'ms' },
    {
      title: 'Pushes a minute',
      left: own('Sum', 'PushesSent', 'PushesGone', 'PushesFailed', 'Repairs', 'PushRequests'),
    },
    { title: 'From handshake to session.ready', left: percentiles('ReplayAge', 'p50', 'p95'), unit: 'ms' },
    { title: 'Connected', left: own('Maximum', 'Connections', 'UsersOnline') },
    {
      title: 'Businesses: conversations that wait, seconds until an answer',
      left: own('Maximum', 'BusinessQueueLength'),
      right: [...own('Maximum', 'BusinessLongestWait'), ownMetric(stage, 'BusinessFirstResponse', 'p50')],
    },
    {
      title: 'HTTP requests',
      left: [httpApi.metricCount({ statistic: 'Sum' }), httpApi.metricClientError({ statistic: 'Sum' })],
      right: [httpApi.metricLatency({ statistic: 'p95' })],
    },
    {
      title: 'What clients were refused or failed',
      left: [
        ...own('Sum', 'Failures', 'Throttles', 'UnreadableMessages'),
        httpApi.metricServerError({ statistic: 'Sum' }),
        ...['ClientError', 'IntegrationError', 'ExecutionError'].map(name =>
          webSocketStage.metric(name, { statistic: 'Sum' }),
        ),
      ],
    },
  ]
}

const system = (monitored: MonitoredStack): Graph[] => {
  const { stage, functions, queues, database, cacheName, tables } = monitored
  const { cluster, proxyName } = database
  const ofFunctions = (metric: (name: string) => Metric | undefined): Metric[] =>
    Object.keys(functions).flatMap(name => metric(name)?.with({ label: name }) ?? [])
  const own = (...names: MetricName[]) => names.map(name => ownMetric(stage, name, 'Sum'))
  const waiting = Object.entries({ ...queues.queues, ...queues.outbound })
  const proxy = (name: string, statistic: string) => (proxyName ? [proxyMetric(proxyName, name, statistic)] : [])
  return [
    { title: 'Errors of functions', left: ofFunctions(name => functions[name]?.metricErrors()) },
    { title: 'Throttles of functions', left: ofFunctions(name => functions[name]?.metricThrottles()) },
    {
      title: 'Duration of functions, p95',
      left: ofFunctions(name => functions[name]?.metricDuration({ statistic: 'p95' })),
      unit: 'ms',
    },
    {
      title: 'Functions at the same time',
      left: ofFunctions(name => functions[name]?.metric('ConcurrentExecutions', { statistic: 'Maximum' })),
    },
    {
      title: 'Jobs that wait',
      left: waiting.map(([name, queue]) =>
        queue.metricApproximateNumberOfMessagesVisible({ label: name, statistic: 'Maximum' }),
      ),
      right: waiting.map(([name, queue]) =>
        queue.metricApproximateAgeOfOldestMessage({ label: `${name}, seconds`, statistic: 'Maximum' }),
      ),
    },
    {
      title: 'Dead letters',
      left: Object.entries({
        ...queues.deadLetters,
        Schedules: monitored.scheduleDeadLetters,
        Events: monitored.eventDeadLetters,
      }).map(([name, queue]) => queue.metricApproximateNumberOfMessagesVisible({ label: name, statistic: 'Maximum' })),
    },
    {
      title: 'Aurora: capacity units, per cent',
      left: [cluster.metricServerlessDatabaseCapacity({ statistic: 'Maximum' })],
      right: [cluster.metricACUUtilization({ statistic: 'Maximum' }), cluster.metricCPUUtilization()],
    },
    {
      title: 'Connections of Aurora',
      left: [
        cluster.metricDatabaseConnections({ statistic: 'Maximum' }),
        ...proxy('ClientConnections', 'Maximum'),
        ...proxy('DatabaseConnectionsCurrentlySessionPinned', 'Maximum'),
      ],
      right: proxy('DatabaseConnectionsBorrowLatency', 'Average'),
    },
    {
      title: 'Valkey: bytes, evictions',
      left: [cacheMetric(cacheName, 'BytesUsedForCache', 'Maximum')],
      right: [cacheMetric(cacheName, 'Evictions', 'Sum'), cacheMetric(cacheName, 'ThrottledCmds', 'Sum')],
    },
    {
      title: 'Valkey: microseconds',
      left: ['SuccessfulReadRequestLatency', 'SuccessfulWriteRequestLatency'].map(name =>
        cacheMetric(cacheName, name, 'p99'),
      ),
    },
    {
      title: 'Profiles: found in the cache or not, openings of the breaker',
      left: own('ProfileCacheHits', 'ProfileCacheMisses'),
      right: own('ProfileBreakerOpened'),
    },
    {
      title: 'Audit',
      left: Object.entries(tables).flatMap(([name, table]) => [
        table.metricConsumedWriteCapacityUnits({ label: `${name}: writes`, statistic: 'Sum' }),
        table.metric('WriteThrottleEvents', { label: `${name}: throttles`, statistic: 'Sum' }),
      ]),
      right: own('AuditFailures'),
    },
    { title: 'Partitions ahead', left: [ownMetric(stage, 'PartitionsAhead', 'Minimum', hour)] },
  ]
}

/** What one unit of each metric costs, in dollars; a graph of the sum of an hour. */
const costOf = (label: string, ...parts: [metric: Metric, dollars: number][]): MathExpression => {
  // A graph knows its metrics by these names.
  const name = (index: number) => `${label.toLowerCase().replace(/\W/g, '')}${index}`
  return new MathExpression({
    label,
    period: hour,
    expression: parts.map(([, dollars], index) => `FILL(${name(index)}, 0) * ${dollars.toFixed(14)}`).join(' + '),
    usingMetrics: Object.fromEntries(parts.map(([metric], index) => [name(index), metric])),
  })
}

const money = (monitored: MonitoredStack): Graph[] => {
  const { topology, functions, queues, httpApi, webSocketStage, database, cacheName, tables, settings, stage } =
    monitored
  const sum = { statistic: 'Sum', period: hour } as const
  const average = { statistic: 'Average', period: hour } as const
  const lambdas = Object.entries(functions).map(([name, lambda]) => ({
    lambda,
    gigabytes: (topology.functions[name]?.memoryMb ?? 0) / 1_024,
  }))
  const durations = lambdas.map(({ lambda, gigabytes }): [Metric, number] => [
    lambda.metricDuration(sum),
    (gigabytes / 1_000) * prices.gigabyteSecond,
  ])
  const sent = Object.values({ ...queues.queues, ...queues.outbound }).flatMap((queue): [Metric, number][] => [
    [queue.metricNumberOfMessagesSent(sum), prices.sqsRequest],
    [queue.metricNumberOfMessagesReceived(sum), prices.sqsRequest],
    [queue.metricNumberOfMessagesDeleted(sum), prices.sqsRequest],
    [queue.metricNumberOfEmptyReceives(sum), prices.sqsRequest],
  ])
  const connectionMinutes = 60
  const instances = settings.database.reader ? 2 : 1
  return [
    {
      title: 'Dollars an hour',
      left: [
        costOf(
          'WebSocket API',
          [webSocketStage.metric('MessageCount', sum), prices.webSocketMessage],
          [ownMetric(stage, 'Connections', 'Average', hour), connectionMinutes * prices.connectionMinute],
        ),
        costOf('HTTP API', [httpApi.metricCount(sum), prices.httpRequest]),
        costOf(
          'Lambda requests',
          ...lambdas.map(({ lambda }): [Metric, number] => [lambda.metricInvocations(sum), prices.invocation]),
        ),
        costOf('Lambda time', ...durations),
        costOf('SQS', ...sent),
        costOf('Aurora', [
          database.cluster.metricServerlessDatabaseCapacity(average),
          instances * prices.auroraCapacityUnitHour,
        ]),
        costOf(
          'Valkey',
          [cacheMetric(cacheName, 'BytesUsedForCache', 'Average', hour), prices.cacheGigabyteHour / gigabyte],
          [cacheMetric(cacheName, 'ElastiCacheProcessingUnits', 'Sum', hour), prices.cacheProcessingUnit],
        ),
        costOf(
          'Audit',
          ...Object.values(tables).map((table): [Metric, number] => [
            table.metricConsumedWriteCapacityUnits(sum),
            prices.dynamoDbWriteUnit,
          ]),
        ),
      ],
    },
    {
      title: 'What it is for, in an hour',
      left: [
        ownMetric(stage, 'MessagesSent', 'Sum', hour),
        webSocketStage.metric('MessageCount', sum),
        httpApi.metricCount(sum),
      ],
      right: [ownMetric(stage, 'UsersOnline', 'Average', hour)],
    },
  ]
}
