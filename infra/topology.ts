/**
 * What runs where, declared once. `infra/aws` deploys this table and `infra/local` hosts it, so that a route, a queue or a
 * schedule exists on both or on neither. Pure data: it imports nothing and knows no environment.
 */

/**
 * As whom a function logs in to Postgres: to read and write rows, to attach and drop partitions of messages, or as the owner
 * of everything, which only the migration does.
 */
export type DatabaseAccess = 'database' | 'database:maintenance' | 'database:owner'

/**
 * What a function may do with the keys of messages: read and write messages by them, or make new ones as well. It goes with
 * access to the database, where they are stored, wrapped.
 */
export type ContentKeysAccess = 'content-keys' | 'content-keys:rotation'

/** What a function may touch. Each one becomes environment variables and the least grants that serve it. */
export type Resource =
  | DatabaseAccess
  | ContentKeysAccess
  | 'redis'
  | 'connections'
  | 'tokens'
  /** The platform's main service, which knows profiles. */
  | 'profiles'
  /** To know where sockets are opened. */
  | 'socket-url'
  /** By which the platform's services show who they are. */
  | 'service-token'
  | `queue:${string}`
  | `table:${string}`

export interface FunctionDefinition {
  /** The TypeScript file that exports `handler`, from the root of the repository. */
  readonly entry: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  readonly uses: readonly Resource[]
  /** The API documents lie beside its bundle. */
  readonly carriesApiDocuments?: true
  /** Its calls are so many and so alike that traces of them would cost more than the calls. */
  readonly untraced?: true
}

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** API Gateway's syntax, `{name}` for a parameter. */
  readonly path: string
  readonly function: string
}

export interface WebSocketRoute {
  /** `$connect`, `$disconnect`, `$default`, or a value of the frame's `action`. */
  readonly key: string
  readonly function: string
  /** The function's result is sent back to the caller as a frame (a route response). */
  readonly twoWay: boolean
}

export interface QueueDefinition {
  readonly function: string
  readonly batchSize: number
  readonly maxBatchingWindowSeconds: number
  /** 2 to 1,000: how many batches are worked on at the same time. */
  readonly maxConcurrency: number
  /** How often a record is tried before it goes to the dead-letter queue. */
  readonly maxReceiveCount: number
}

/** A queue that another service of the platform reads. It has no worker here, and a deployment says where it is. */
export interface OutboundQueueDefinition {
  /** How long its reader has for a record until it comes again. */
  readonly visibilitySeconds: number
  /** How often its reader gets a record before it goes to the dead-letter queue. */
  readonly maxReceiveCount: number
}

export interface ScheduleDefinition {
  readonly function: string
  /** EventBridge Scheduler's syntax, one minute at least. */
  readonly expression: `rate(${number} ${'minute' | 'minutes' | 'hour' | 'hours' | 'day' | 'days'})`
}

/** What other services of the platform publish on the account's event bus. */
export interface EventDefinition {
  readonly function: string
  /** An event with one of these as its `detail-type` goes to the function. */
  readonly detailTypes: readonly string[]
}

export interface TableDefinition {
  readonly partitionKey: string
  readonly sortKey: string
  /** The attribute that holds the time of expiry, in seconds since 1970. */
  readonly timeToLive: string
}

export interface Topology {
  readonly functions: Readonly<Record<string, FunctionDefinition>>
  /** Whatever no route matches goes here, so that unknown paths are answered in our own format. */
  readonly httpDefaultFunction: string
  readonly httpRoutes: readonly HttpRoute[]
  readonly webSocketAuthorizer: string
  readonly webSocketRoutes: readonly WebSocketRoute[]
  readonly queues: Readonly<Record<string, QueueDefinition>>
  readonly outboundQueues: Readonly<Record<string, OutboundQueueDefinition>>
  readonly schedules: Readonly<Record<string, ScheduleDefinition>>
  readonly events: Readonly<Record<string, EventDefinition>>
  readonly tables: Readonly<Record<string, TableDefinition>>
  /** Runs once on each deployment and each local start, before any other function. */
  readonly migration: string
}

const routes = (functionName: string, ...keys: `${HttpRoute['method']} /${string}`[]): HttpRoute[] =>
  keys.map(key => {
    const [method, path] = key.split(' ') as [HttpRoute['method'], string]
    return { method, path, function: functionName }
  })

/** Of the worker, and of the schedule that queues its ticks: told a time, it does every task of a sweep itself. */
const sweeping = [
  'database',
  'content-keys',
  'redis',
  'connections',
  'profiles',
  'queue:Replay',
  'queue:PushChecks',
  'queue:Sweep',
  'queue:Profiles',
  'queue:Audit',
] as const

export const topology = {
  functions: {
    ConversationsFunction: {
      entry: 'functions/http/conversations.ts',
      memoryMb: 512,
      timeoutSeconds: 10,
      uses: [
        'database',
        'content-keys',
        'redis',
        'connections',
        'tokens',
        'queue:Receipts',
        'profiles',
        'queue:Profiles',
        'queue:Audit',
      ],
    },
    MessagesFunction: {
      entry: 'functions/http/messages.ts',
      memoryMb: 512,
      timeoutSeconds: 10,
      uses: [
        'database',
        'content-keys',
        'redis',
        'connections',
        'tokens',
        'profiles',
        'queue:Replay',
        'queue:PushChecks',
        'queue:Receipts',
        'queue:Profiles',
        'queue:Audit',
      ],
    },
    BusinessFunction: {
      entry: 'functions/http/business.ts',
      memoryMb: 512,
      timeoutSeconds: 10,
      uses: [
        'database',
        'content-keys',
        'redis',
        'connections',
        'tokens',
        'profiles',
        'queue:Replay',
        'queue:PushChecks',
        'queue:Profiles',
        'queue:Audit',
      ],
    },
    PresenceFunction: {
      entry: 'functions/http/presence.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['database', 'redis', 'tokens', 'queue:Audit'],
    },
    NotificationsFunction: {
      entry: 'functions/http/notifications.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['database', 'redis', 'connections', 'tokens', 'queue:Receipts', 'queue:Audit'],
    },
    SyncFunction: {
      entry: 'functions/http/sync.ts',
      memoryMb: 512,
      timeoutSeconds: 10,
      uses: ['database', 'content-keys', 'redis', 'tokens', 'profiles', 'queue:Profiles', 'queue:Audit'],
    },
    RealtimeFunction: {
      entry: 'functions/http/realtime.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['database', 'redis', 'tokens', 'socket-url', 'queue:Audit'],
    },
    PlatformFunction: {
      entry: 'functions/http/platform.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['database', 'redis', 'tokens', 'service-token', 'queue:Audit'],
      carriesApiDocuments: true,
    },
    AuthorizerFunction: {
      entry: 'functions/websocket/authorizer.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['redis', 'tokens', 'queue:Audit'],
    },
    ConnectFunction: {
      entry: 'functions/websocket/connect.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['database', 'redis', 'queue:Replay'],
    },
    DisconnectFunction: {
      entry: 'functions/websocket/disconnect.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['redis'],
    },
    HeartbeatFunction: {
      entry: 'functions/websocket/heartbeat.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['redis', 'queue:Replay'],
      untraced: true,
    },
    MessageFunction: {
      entry: 'functions/websocket/message.ts',
      memoryMb: 512,
      timeoutSeconds: 10,
      uses: [
        'database',
        'content-keys',
        'redis',
        'connections',
        'profiles',
        'queue:Replay',
        'queue:PushChecks',
        'queue:Receipts',
        'queue:Profiles',
        'queue:Audit',
      ],
    },
    ReplayFunction: {
      entry: 'functions/queue/replay.ts',
      memoryMb: 512,
      timeoutSeconds: 60,
      uses: [
        'database',
        'content-keys',
        'redis',
        'connections',
        'profiles',
        'queue:Replay',
        'queue:PushChecks',
        'queue:Profiles',
        'queue:Audit',
      ],
    },
    ReceiptsFunction: {
      entry: 'functions/queue/receipts.ts',
      memoryMb: 256,
      timeoutSeconds: 20,
      uses: ['database', 'redis', 'connections', 'queue:Receipts'],
    },
    ProfilesFunction: {
      entry: 'functions/queue/profiles.ts',
      memoryMb: 256,
      timeoutSeconds: 20,
      uses: ['redis', 'profiles'],
    },
    ProfileEventsFunction: {
      entry: 'functions/event/profiles.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['redis'],
    },
    SweepWorkerFunction: {
      entry: 'functions/queue/sweep.ts',
      memoryMb: 512,
      timeoutSeconds: 60,
      uses: sweeping,
    },
    SweepFunction: {
      entry: 'functions/schedule/sweep.ts',
      memoryMb: 512,
      timeoutSeconds: 60,
      uses: sweeping,
    },
    AuditFunction: {
      entry: 'functions/queue/audit.ts',
      memoryMb: 256,
      timeoutSeconds: 20,
      uses: ['table:Audit'],
    },
    PushChecksFunction: {
      entry: 'functions/queue/push-checks.ts',
      memoryMb: 256,
      timeoutSeconds: 20,
      uses: ['database', 'redis', 'queue:Notifications'],
    },
    RetentionFunction: {
      entry: 'functions/schedule/retention.ts',
      memoryMb: 256,
      timeoutSeconds: 300,
      uses: ['database:maintenance'],
    },
    RotateKeysFunction: {
      entry: 'functions/schedule/rotate-keys.ts',
      memoryMb: 512,
      timeoutSeconds: 300,
      uses: ['database', 'content-keys:rotation', 'queue:Audit'],
    },
    MigrateFunction: {
      entry: 'functions/deploy/migrate.ts',
      memoryMb: 512,
      timeoutSeconds: 300,
      uses: ['database:owner', 'content-keys:rotation'],
    },
  },
  httpDefaultFunction: 'PlatformFunction',
  httpRoutes: [
    ...routes(
      'ConversationsFunction',
      'POST /conversations/direct',
      'POST /conversations/group',
      'GET /conversations',
      'GET /conversations/{id}',
      'PATCH /conversations/{id}',
      'POST /conversations/{id}/participants',
      'DELETE /conversations/{id}/participants/{userId}',
      'PUT /conversations/{id}/participants/{userId}/role',
      'PUT /conversations/{id}/read',
      'PUT /conversations/{id}/mute',
      'GET /conversations/{id}/unread-count',
    ),
    ...routes(
      'MessagesFunction',
      'POST /conversations/{id}/messages',
      'GET /conversations/{id}/messages',
      'GET /conversations/{id}/messages/{messageId}',
      'DELETE /conversations/{id}/messages/{messageId}',
      'GET /conversations/{id}/messages/{messageId}/receipts',
    ),
    ...routes(
      'BusinessFunction',
      'POST /conversations/business',
      'GET /business/{businessId}/inbox',
      'GET /business/{businessId}/stats',
      'GET /business/{businessId}/agents',
      'GET /business/{businessId}/agents/stats',
      'POST /business/{businessId}/agents/{agentId}',
      'DELETE /business/{businessId}/agents/{agentId}',
      'PUT /business/{businessId}/agents/{agentId}/configure',
      'PUT /business/{businessId}/agents/{agentId}/availability',
      'PUT /business/{businessId}/settings',
      'GET /business/{businessId}/hours',
      'PUT /business/{businessId}/hours',
      'GET /business/{businessId}/hours/status',
      'GET /business/{businessId}/presence',
      'POST /business/conversations/{id}/assign',
      'POST /business/conversations/{id}/reassign',
      'POST /business/conversations/{id}/close',
      'POST /business/conversations/{id}/reopen',
    ),
    ...routes(
      'NotificationsFunction',
      'GET /notifications/unread-counts',
      'PUT /notifications/mark-all-read',
      'GET /notifications/preferences',
      'PUT /notifications/preferences',
    ),
    ...routes('PresenceFunction', 'GET /presence'),
    ...routes('SyncFunction', 'GET /sync'),
    ...routes('RealtimeFunction', 'POST /realtime/ticket'),
    ...routes(
      'PlatformFunction',
      'GET /health',
      'GET /health/ready',
      'GET /openapi.json',
      'GET /asyncapi.json',
      'POST /internal/profile-events',
    ),
  ],
  webSocketAuthorizer: 'AuthorizerFunction',
  webSocketRoutes: [
    { key: '$connect', function: 'ConnectFunction', twoWay: false },
    { key: '$disconnect', function: 'DisconnectFunction', twoWay: false },
    { key: 'heartbeat', function: 'HeartbeatFunction', twoWay: false },
    { key: '$default', function: 'MessageFunction', twoWay: true },
  ],
  queues: {
    Replay: {
      function: 'ReplayFunction',
      batchSize: 5,
      maxBatchingWindowSeconds: 0,
      maxConcurrency: 100,
      maxReceiveCount: 5,
    },
    Receipts: {
      function: 'ReceiptsFunction',
      batchSize: 10,
      maxBatchingWindowSeconds: 0,
      maxConcurrency: 20,
      maxReceiveCount: 3,
    },
    Profiles: {
      function: 'ProfilesFunction',
      batchSize: 1,
      maxBatchingWindowSeconds: 0,
      maxConcurrency: 2,
      maxReceiveCount: 3,
    },
    Sweep: {
      function: 'SweepWorkerFunction',
      batchSize: 1,
      maxBatchingWindowSeconds: 0,
      maxConcurrency: 20,
      maxReceiveCount: 2,
    },
    PushChecks: {
      function: 'PushChecksFunction',
      batchSize: 10,
      maxBatchingWindowSeconds: 1,
      maxConcurrency: 20,
      maxReceiveCount: 5,
    },
    Audit: {
      function: 'AuditFunction',
      batchSize: 10,
      maxBatchingWindowSeconds: 0,
      maxConcurrency: 5,
      maxReceiveCount: 10,
    },
  },
  outboundQueues: {
    Notifications: { visibilitySeconds: 60, maxReceiveCount: 5 },
  },
  schedules: {
    Sweep: { function: 'SweepFunction', expression: 'rate(1 minute)' },
    Retention: { function: 'RetentionFunction', expression: 'rate(1 hour)' },
    RotateKeys: { function: 'RotateKeysFunction', expression: 'rate(1 hour)' },
  },
  events: {
    Profiles: {
      function: 'ProfileEventsFunction',
      detailTypes: ['user.profile.updated', 'business.profile.updated'],
    },
  },
  tables: {
    Audit: { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'expiresAt' },
  },
  migration: 'MigrateFunction',
} as const satisfies Topology
