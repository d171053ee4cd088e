import { randomUUID } from 'node:crypto'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import type { Cluster } from 'ioredis'
import type { Kysely } from 'kysely'
import { createHandler as businessHandler } from '../../functions/http/business.ts'
import { createHandler as conversationsHandler } from '../../functions/http/conversations.ts'
import { createHandler as messagesHandler } from '../../functions/http/messages.ts'
import { createHandler as notificationsHandler } from '../../functions/http/notifications.ts'
import { createHandler as platformHandler } from '../../functions/http/platform.ts'
import { createHandler as presenceHandler } from '../../functions/http/presence.ts'
import { createHandler as realtimeHandler } from '../../functions/http/realtime.ts'
import { createHandler as syncHandler } from '../../functions/http/sync.ts'
import { createHandler as profilesHandler } from '../../functions/queue/profiles.ts'
import { createHandler as pushChecksHandler } from '../../functions/queue/push-checks.ts'
import { createHandler as receiptsHandler } from '../../functions/queue/receipts.ts'
import { createHandler as replayHandler } from '../../functions/queue/replay.ts'
import { createHandler as sweepHandler } from '../../functions/queue/sweep.ts'
import { createHandler as connectHandler } from '../../functions/websocket/connect.ts'
import { createHandler as disconnectHandler } from '../../functions/websocket/disconnect.ts'
import { createHandler as heartbeatHandler } from '../../functions/websocket/heartbeat.ts'
import { type MessageFunctionDeps, createHandler as messageHandler } from '../../functions/websocket/message.ts'
import { asyncApiDocument } from '../../infra/documents/asyncapi.ts'
import { openApiDocument } from '../../infra/documents/openapi.ts'
import { topology } from '../../infra/topology.ts'
import type { AuditEntry } from '../../shared/audit/audit.ts'
import { createServiceToken } from '../../shared/auth/service-token.ts'
import { createTickets } from '../../shared/auth/tickets.ts'
import { createTokenVerifier } from '../../shared/auth/tokens.ts'
import { createListCache } from '../../shared/conversations/list-cache.ts'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { openDatabase } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import { replaySettings, sweepSettingsFromEnvironment } from '../../shared/delivery/delivery.config.ts'
import { missingJob, type ReplayJob } from '../../shared/delivery/replay.jobs.ts'
import type { ReplaySettings } from '../../shared/delivery/replay.ts'
import type { SweepJob } from '../../shared/delivery/sweep.jobs.ts'
import type { SweepSettings } from '../../shared/delivery/sweep.ts'
import { createSwitchboard, type Switchboard } from '../../shared/delivery/switchboard.ts'
import { createLimits, type LimitSettings, limitSettings } from '../../shared/limits/limits.ts'
import { createPageCache } from '../../shared/messages/page-cache.ts'
import { createPushChecks, type PushCheck } from '../../shared/notifications/push-check.jobs.ts'
import type { PushRequest } from '../../shared/notifications/push-request.ts'
import type { Clock } from '../../shared/platform/clock.ts'
import { presenceSettings, typingSettings } from '../../shared/presence/settings.ts'
import { profileLifetimes } from '../../shared/profiles/entry.ts'
import { createMainService } from '../../shared/profiles/main-service.ts'
import { createProfiles, placeholders } from '../../shared/profiles/profiles.ts'
import type { RefreshJob } from '../../shared/profiles/refresh.jobs.ts'
import { createDeliveredPositions, type DeliveredPositions } from '../../shared/receipts/delivered.ts'
import type { ReceiptJob } from '../../shared/receipts/receipt.jobs.ts'
import { openRedis } from '../../shared/redis/connection.ts'
import { openContentKeys } from './content-keys.ts'
import { checkAck, checkAnswer } from './documented.ts'
import { lambdaContext } from './lambda.ts'
import { type RecordingPush, recordingPush } from './recording-push.ts'
import { type RecordingQueue, recordingQueue, sqsEventOf } from './recording-queue.ts'
import { storeMessages } from './stored-messages.ts'
import { testSecret, testServiceToken, tokenFor } from './tokens.ts'

export interface TestClock extends Clock {
  advance(milliseconds: number): void
  set(time: Date): void
}

const testClock = (): TestClock => {
  let offset = 0
  return {
    now: () => new Date(Date.now() + offset),
    advance: milliseconds => {
      offset += milliseconds
    },
    set: time => {
      offset = time.getTime() - Date.now()
    },
  }
}

export interface Answer<Body = Record<string, unknown>> {
  status: number
  headers: Record<string, string>
  body: Body
}

export interface HttpOptions {
  token?: string
  /** The caller manages this business. */
  businessId?: string
  body?: unknown
  /** The body as it goes over the wire, instead of `body` as JSON. */
  rawBody?: string
  headers?: Record<string, string>
  /** Where it comes from. */
  address?: string
}

export interface Socket {
  connectionId: string
  userId: string
  /** Sends a frame; resolves to what the route answers. */
  send(frame: unknown): Promise<{ event?: string; requestId?: string; data?: unknown; error?: { code: string } }>
  /** Events that were pushed to this socket. */
  events(event: string): Record<string, unknown>[]
  /** The socket closes, and `$disconnect` comes. */
  close(): Promise<void>
}

export interface ConnectOptions {
  /** The user manages this business. */
  businessId?: string
  expiresAt?: Date
  connectedAt?: number
  replay?: 'none'
}

/** The handlers on real stores, with the gateway's part played by the test. Isolated by fresh ids. */
export interface World {
  /** What the handlers are made of, for a test that makes one of its own. */
  deps: MessageFunctionDeps
  db: Kysely<Database>
  redis: Cluster
  /** Stands before every key of this world. */
  keyPrefix: string
  switchboard: Switchboard
  delivered: DeliveredPositions
  push: RecordingPush
  replays: RecordingQueue<ReplayJob>
  receipts: RecordingQueue<ReceiptJob>
  sweeps: RecordingQueue<SweepJob>
  /** Push checks that wait for their time. */
  pushCheckJobs: RecordingQueue<PushCheck>
  /** What the platform's push service would get. */
  notifications: RecordingQueue<PushRequest>
  /** Profiles to be fetched anew in the background. */
  refreshes: RecordingQueue<RefreshJob>
  /** What was put on record. */
  audits: AuditEntry[]
  clock: TestClock
  newUser(): string
  /** Rejects an answer that is not as the API documents say; so do sockets. */
  http<Body = Record<string, unknown>>(userId: string, request: string, options?: HttpOptions): Promise<Answer<Body>>
  connect(userId: string, options?: ConnectOptions): Promise<Socket>
  /** Does every job of the replay, receipt and profile queues, and those that they lead to, whatever their delay. */
  drain(): Promise<void>
  /** Does push checks, all at the same time, by default those that wait, whatever is left of it; gives what is requested by them. */
  checkPushes(checks?: readonly PushCheck[]): Promise<PushRequest[]>
  /** Stores messages as sending does, for many at once: nobody is told. */
  storeMessages(senderId: string, conversationId: string, count: number): Promise<void>
  /** Does one replay job, and nothing that it leads to. */
  runReplay(job: ReplayJob): Promise<void>
  /** Asks for a replay of a connection, as the sweep does. */
  sendMissingTo(socket: Socket): Promise<void>
  /** How much time the workers' functions have left from now on. */
  setRemainingMs(milliseconds: number): void
  /** While the work runs, Redis does not answer who is to hear of a message. */
  withoutRouting(work: () => Promise<void>): Promise<void>
  /** Does one task of the sweep, with whatever it leads to; tells the jobs that it queued, those together that were queued together. */
  sweep(task: SweepJob['task'], more?: Partial<SweepJob>): Promise<SweepJob[][]>
  /** Rejects when a frame was pushed that is not as the API documents say. */
  close(): Promise<void>
}

const httpEvent = (request: string, token: string | undefined, options: HttpOptions): APIGatewayProxyEventV2 => {
  const [method = 'GET', target = '/'] = request.split(' ')
  const [path = '/', rawQueryString = ''] = target.split('?')
  const parts = path.split('/')
  const found = topology.httpRoutes.find(route => {
    const wanted = route.path.split('/')
    return (
      route.method === method &&
      wanted.length === parts.length &&
      wanted.every((part, index) => part.startsWith('{') || part === parts[index])
    )
  })
  const names = found?.path.split('/') ?? []
  const pathParameters = Object.fromEntries(
    names.flatMap((name, index) =>
      name.startsWith('{') ? [[name.slice(1, -1), decodeURIComponent(parts[index] ?? '')]] : [],
    ),
  )
  const body = options.rawBody ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
  const routeKey = found ? `${found.method} ${found.path}` : '$default'
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...options.headers,
    },
    pathParameters,
    ...(body !== undefined && { body }),
    isBase64Encoded: false,
    requestContext: {
      accountId: 'test',
      apiId: 'test',
      domainName: 'test',
      domainPrefix: 'test',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: options.address ?? '127.0.0.1', userAgent: 'test' },
      requestId: randomUUID(),
      routeKey,
      stage: '$default',
      time: '',
      timeEpoch: Date.now(),
    },
  }
}

const businessClaim = ({ businessId }: { businessId?: string }) => (businessId === undefined ? {} : { businessId })

/** The action that a frame names, or none. */
const actionOf = (body: string): string => {
  try {
    return String((JSON.parse(body) as { action?: unknown } | null)?.action)
  } catch {
    return ''
  }
}

const webSocketEvent = (
  routeKey: string,
  socket: { connectionId: string; connectedAt: number },
  authorizer: object,
) => ({
  requestContext: { requestId: randomUUID(), routeKey, ...socket, authorizer },
})

/** Where sockets of a world would be opened. */
const webSocketUrl = 'wss://sockets.example.com/v1'

export interface WorldOptions {
  /** Another one than that of all tests. */
  databaseUrl?: string
  /** How many connections to it. */
  poolSize?: number
  /** That of another world: who is online there is online here. */
  keyPrefix?: string
  /** By default those of the service. */
  limits?: Partial<LimitSettings>
  /** By default there is none, and everybody is a placeholder. */
  mainService?: { url: string; token: string }
  /** By default lists only. */
  caches?: { lists?: boolean; pages?: boolean }
  /** By default those of the service. */
  sweepSettings?: Partial<SweepSettings>
}

export const openWorld = async (settings: Partial<ReplaySettings> = {}, options: WorldOptions = {}): Promise<World> => {
  const { TEST_DATABASE_URL = '', TEST_REDIS_URL = '' } = process.env
  const { databaseUrl = TEST_DATABASE_URL, poolSize = 60, keyPrefix = `${randomUUID()}:` } = options
  const db = openDatabase(
    DatabaseConfig.parse({
      DATABASE_URL: databaseUrl,
      DATABASE_POOL_MAX: String(poolSize),
      DATABASE_STATEMENTS: 'named',
    }),
  )
  const redis = openRedis({ REDIS_URL: TEST_REDIS_URL })
  // The sweep looks at everybody: users of other tests, which stand at other times, must not be among them.
  Object.assign(redis.options, { keyPrefix })
  const connected = createSwitchboard(redis)
  let isRouting = true
  const switchboard: Switchboard = {
    ...connected,
    route: async (...args) => {
      if (!isRouting) throw new Error('Redis is gone')
      return connected.route(...args)
    },
  }
  let remainingMs = 60_000
  const push = recordingPush()
  const clock = testClock()
  const tokens = createTokenVerifier({ JWT_SECRET: testSecret }, { now: () => new Date() })
  const delivered = createDeliveredPositions(redis)
  const replays = recordingQueue<ReplayJob>()
  const receipts = recordingQueue<ReceiptJob>()
  const sweeps = recordingQueue<SweepJob>()
  const refreshes = recordingQueue<RefreshJob>()
  const pushCheckJobs = recordingQueue<PushCheck>()
  const pushChecks = createPushChecks(pushCheckJobs, 10)
  const notifications = recordingQueue<PushRequest>()
  const audits: AuditEntry[] = []
  const audit = { record: async (...entries: AuditEntry[]) => void audits.push(...entries) }
  const periods = { presence: presenceSettings, typing: typingSettings }
  const queues = { replays, receipts, sweeps, pushChecks }
  const contentKeys = openContentKeys(clock)
  const { url, token = '' } = options.mainService ?? {}
  const mainService = url === undefined ? undefined : createMainService(url, async () => token)
  const profiles = mainService
    ? createProfiles({ redis, mainService, refreshes, clock, lifetimes: profileLifetimes })
    : placeholders
  const serviceToken = createServiceToken(async () => testServiceToken)
  const stores = { db, contentKeys, redis, switchboard, delivered, profiles }
  const limits = createLimits(redis, { ...limitSettings, ...options.limits })
  const deps = { ...stores, push, ...queues, limits, audit, clock, tokens, serviceToken, ...periods }

  const { lists = true, pages = false } = options.caches ?? {}
  const httpFunctions: Record<string, ReturnType<typeof conversationsHandler>> = {
    ConversationsFunction: conversationsHandler({ ...deps, listCache: lists ? createListCache(redis, 300) : null }),
    BusinessFunction: businessHandler(deps),
    MessagesFunction: messagesHandler({ ...deps, pageCache: pages ? createPageCache(redis, 60) : null }),
    NotificationsFunction: notificationsHandler(deps),
    PresenceFunction: presenceHandler(deps),
    PlatformFunction: platformHandler({ ...deps, documents: { openApi: openApiDocument, asyncApi: asyncApiDocument } }),
    RealtimeFunction: realtimeHandler({ ...deps, tickets: createTickets(redis, clock), webSocketUrl }),
    SyncFunction: syncHandler(deps),
  }
  const onConnect = connectHandler(deps)
  const onDisconnect = disconnectHandler(deps)
  const onHeartbeat = heartbeatHandler(deps)
  const onMessage = messageHandler(deps)

  const onReplay = replayHandler({ ...deps, settings: { ...replaySettings, ...settings } })
  const onReceipt = receiptsHandler(deps)
  const onRefresh = profilesHandler({ redis, mainService, clock, lifetimes: profileLifetimes })
  const onSweep = sweepHandler({ ...deps, settings: { ...sweepSettingsFromEnvironment(), ...options.sweepSettings } })
  const onPushCheck = pushChecksHandler({ ...deps, notifications })

  const workerContext = () => ({ ...lambdaContext(), getRemainingTimeInMillis: () => remainingMs })
  const runReplay = async (job: ReplayJob) => {
    await onReplay(sqsEventOf([job]), workerContext())
  }

  /** One job after the other, as a queue would that has a single consumer. */
  const drain = async () => {
    for (;;) {
      const [replayJobs, receiptJobs, refreshJobs] = [replays.takeAll(), receipts.takeAll(), refreshes.takeAll()]
      if (replayJobs.length + receiptJobs.length + refreshJobs.length === 0) return
      for (const job of replayJobs) await runReplay(job)
      for (const job of receiptJobs) await onReceipt(sqsEventOf([job]), lambdaContext())
      for (const job of refreshJobs) await onRefresh(sqsEventOf([job]), lambdaContext())
    }
  }

  return {
    deps,
    keyPrefix,
    db,
    redis,
    switchboard,
    delivered,
    push,
    replays,
    receipts,
    sweeps,
    pushCheckJobs,
    notifications,
    refreshes,
    audits,
    clock,
    drain,
    runReplay,
    checkPushes: async (checks = pushCheckJobs.takeAll()) => {
      const { batchItemFailures } = await onPushCheck(sqsEventOf(checks), lambdaContext())
      if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} push checks failed`)
      return notifications.takeAll()
    },
    storeMessages: async (senderId, conversationId, count) => {
      const contents = Array.from({ length: count }, (_, index) => `No. ${index + 1}`)
      await storeMessages(deps, { conversationId, senderId }, contents)
    },
    sendMissingTo: async ({ connectionId, userId }) =>
      replays.send(missingJob({ id: connectionId, userId, connectedAt: clock.now().getTime() })),
    setRemainingMs: milliseconds => {
      remainingMs = milliseconds
    },
    withoutRouting: async work => {
      isRouting = false
      try {
        await work()
      } finally {
        isRouting = true
      }
    },
    sweep: async (task, more = {}) => {
      await onSweep(sqsEventOf([{ task, ...more }]), lambdaContext())
      const queued: SweepJob[][] = []
      for (let jobs = sweeps.takeAll(); jobs.length > 0; jobs = sweeps.takeAll()) {
        queued.push(jobs)
        for (const job of jobs) await onSweep(sqsEventOf([job]), lambdaContext())
      }
      await drain()
      return queued
    },
    newUser: () => randomUUID(),
    http: async <Body>(userId: string, request: string, options: HttpOptions = {}) => {
      const event = httpEvent(request, options.token ?? (await tokenFor(userId, businessClaim(options))), options)
      const route = topology.httpRoutes.find(({ method, path }) => `${method} ${path}` === event.routeKey)
      const handler = httpFunctions[route?.function ?? topology.httpDefaultFunction]
      if (!handler) throw new Error(`No function has ${event.routeKey}`)
      const result = await handler(event, lambdaContext())
      const answer = {
        status: result.statusCode ?? 0,
        headers: Object.fromEntries(Object.entries(result.headers ?? {}).map(([name, value]) => [name, String(value)])),
        body: (result.body ? JSON.parse(result.body) : undefined) as Body,
      }
      checkAnswer(event.routeKey, { ...answer, contentType: answer.headers['content-type'] })
      return answer
    },
    connect: async (userId, options = {}) => {
      const { expiresAt = new Date(clock.now().getTime() + 3_600_000), connectedAt = clock.now().getTime() } = options
      const socket = { connectionId: `${randomUUID().replaceAll('-', '').slice(0, 15)}=`, connectedAt }
      const authorizer = {
        userId,
        kahaId: `K-${userId.slice(0, 8)}`,
        expiresAt: String(expiresAt.getTime()),
        ...businessClaim(options),
      }
      const connectEvent = {
        ...webSocketEvent('$connect', socket, authorizer),
        ...(options.replay && { queryStringParameters: { replay: options.replay } }),
      }
      const { statusCode } = await onConnect(connectEvent, lambdaContext())
      if (statusCode !== 200) throw new Error(`$connect answered ${statusCode}`)
      return {
        connectionId: socket.connectionId,
        userId,
        send: async frame => {
          const body = typeof frame === 'string' ? frame : JSON.stringify(frame)
          const isHeartbeat = typeof frame === 'object' && (frame as { action?: string }).action === 'heartbeat'
          const event = { ...webSocketEvent(isHeartbeat ? 'heartbeat' : '$default', socket, authorizer), body }
          const result = await (isHeartbeat ? onHeartbeat : onMessage)(event, lambdaContext())
          if (!result.body) return {}
          const answer = JSON.parse(result.body)
          checkAck(actionOf(body), answer)
          return answer
        },
        events: event => push.eventsOf(socket.connectionId, event),
        close: async () => {
          await onDisconnect(webSocketEvent('$disconnect', socket, authorizer), lambdaContext())
        },
      }
    },
    close: async () => {
      await db.destroy()
      redis.disconnect()
      if (push.undocumented.length > 0) throw push.undocumented[0]
    },
  }
}
