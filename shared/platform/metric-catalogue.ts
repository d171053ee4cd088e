import type { MetricUnit } from '@aws-lambda-powertools/metrics/types'

/**
 * Every metric that functions write, with its unit. Dashboard and alarms name them from here, and a test run writes each of
 * them. None has a dimension of its own: every combination of values is billed as a metric.
 */
export const metricUnits = {
  /** Messages that were stored. A repeated send is none. */
  MessagesSent: 'Count',
  /** From a message's commit until the gateway has answered every push of it. */
  PushLatency: 'Milliseconds',
  /** Frames that the gateway took for a connection. */
  PushesSent: 'Count',
  /** Pushes that met 410: the connection had ended, or was still inside `$connect`. */
  PushesGone: 'Count',
  /** Pushes of which nobody knows whether they arrived. */
  PushesFailed: 'Count',
  /** From a handshake until `session.ready`, behind everything that was replayed. */
  ReplayAge: 'Milliseconds',
  /** Messages that were sent in a replay, a repair or a `sync`. */
  MessagesReplayed: 'Count',
  /** Live connections that had not acknowledged what they were sent, and get it again. */
  Repairs: 'Count',
  /** Push requests that were put into the queue of the platform's push service. */
  PushRequests: 'Count',
  /** Once a minute. */
  Connections: 'Count',
  /** Once a minute. */
  UsersOnline: 'Count',
  /** Conversations of all businesses that wait for an agent, once a minute. */
  BusinessQueueLength: 'Count',
  /** How long the first of these has been waiting, once a minute. */
  BusinessLongestWait: 'Seconds',
  /** From the opening of a business conversation to its first answer, told when it is closed. */
  BusinessFirstResponse: 'Seconds',
  /** Requests and frames that were refused with 429. */
  Throttles: 'Count',
  /** Requests, frames and handshakes that were answered with a 5xx of ours. */
  Failures: 'Count',
  /** Profiles for which the cache was enough. */
  ProfileCacheHits: 'Count',
  /** Profiles that the main service had to be asked for. */
  ProfileCacheMisses: 'Count',
  /** How often the breaker before the main service has opened. */
  ProfileBreakerOpened: 'Count',
  /** Audit entries that could not be written at once. */
  AuditFailures: 'Count',
  /** Messages that were asked for and could not be decrypted. */
  UnreadableMessages: 'Count',
  /** Partitions of `messages` that begin in the future, on each run of retention. */
  PartitionsAhead: 'Count',
} as const satisfies Record<string, MetricUnit>

export type MetricName = keyof typeof metricUnits

/** Where CloudWatch keeps them. */
export const metricNamespace = 'KahaChat'

/** The name of this service in logs, metrics and traces. */
export const serviceName = 'kaha-chat'

/** What tells the metrics of one stack from those of another. */
export const metricDimensions = ['service', 'stage'] as const
