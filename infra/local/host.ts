import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Topology, topology as wholeTopology } from '../topology.ts'
import { bundleAll, watchAll } from './bundles.ts'
import { startControl } from './control.ts'
import { freePort, isPortFree } from './free-port.ts'
import { openFunctionLog } from './function-log.ts'
import { functionVariables, type StackFacts } from './function-variables.ts'
import { createFunctionHost, type FunctionHost, type InvocationResult } from './functions/function-host.ts'
import { type Gateway, startGateway } from './gateway/gateway.ts'
import type { HostUnits } from './host-units.ts'
import { type HostedStore, hostStore } from './hosted-store.ts'
import type { LocalDirectory } from './local-directory.ts'
import { startMainService } from './main-service/main-service.ts'
import { docsPages } from './pages/docs.ts'
import { bundlePlayground, playgroundPages, playgroundPath } from './playground/playground.ts'
import { type Progress, silentProgress } from './progress.ts'
import { startQueuePump } from './queues/queue-pump.ts'
import { queueSettings } from './queues/queue-settings.ts'
import { type Sqs, startSqs } from './queues/sqs-api.ts'
import { lockDirectory } from './running-stack.ts'
import { type Scheduler, startScheduler } from './schedules/scheduler.ts'
import { keptSecret } from './secrets.ts'
import { startDynamoDb } from './stores/dynamodb.ts'
import { removePostgres, startPostgres } from './stores/postgres.ts'
import { startRedis } from './stores/redis.ts'

export interface HostOptions {
  readonly directory: LocalDirectory
  /** By default the whole service. */
  readonly topology?: Topology
  /** By default free ones. */
  readonly httpPort?: number
  readonly webSocketPort?: number
  /** By default one that is made once and kept in the directory. */
  readonly jwtSecret?: string
  /** By default as the secret: made once and kept. */
  readonly serviceToken?: string
  readonly profileApiToken?: string
  /** The main service; by default a stand-in that is started here. */
  readonly profileApiUrl?: string
  readonly corsOrigins?: readonly string[]
  /** A server to use instead of starting one. */
  readonly databaseUrl?: string
  /** A server in cluster mode, to use instead of starting one. */
  readonly redisUrl?: string
  /** Variables that every function gets besides its own, by the names that they have on AWS. */
  readonly settings?: Readonly<Record<string, string>>
  /** Wipes the data of earlier runs first. */
  readonly fresh?: boolean
  /** Puts a function's new bundle in its place whenever one of its files changes. */
  readonly watch?: boolean
  readonly idleTimeoutMs?: number
  readonly maxConnectionMs?: number
  readonly progress?: Progress
  /** Hears that a store has ended without being asked to. */
  readonly storeLost?: (title: string, how: string) => void
}

/** Named as the outputs of `cdk deploy --outputs-file`. */
export interface HostOutputs {
  readonly HttpApiUrl: string
  readonly WebSocketUrl: string
  readonly PlaygroundUrl: string
  readonly DatabaseUrl: string
  readonly RedisUrl: string
  /** Of each queue that another service reads. */
  readonly [queue: `${string}QueueUrl`]: string
}

export interface Host {
  readonly outputs: HostOutputs
  readonly jwtSecret: string
  readonly functions: FunctionHost
  readonly gateway: Gateway
  readonly sqs: Sqs
  readonly scheduler: Scheduler
  /** Absent when the options named a server. */
  readonly postgres?: HostedStore
  readonly redis?: HostedStore
  /** Runs a function once and waits for its end, as `aws lambda invoke` does. */
  invoke(functionName: string, event: unknown): Promise<InvocationResult>
  /** As they are now. */
  units(): HostUnits
  /** Ends everything that was started, newest first. Repeating it does nothing. */
  stop(): Promise<void>
}

export class PortInUse extends Error {
  readonly port: number
  readonly purpose: 'HTTP API' | 'WebSocket API'

  constructor(port: number, purpose: 'HTTP API' | 'WebSocket API') {
    super(`Port ${port} (${purpose}) is used by another program`)
    this.port = port
    this.purpose = purpose
  }
}

/** How many steps a start has. */
export const startSteps = 8

const wipe = async (directory: LocalDirectory): Promise<void> => {
  await removePostgres(directory.postgres)
  const others = [directory.dynamoDb, directory.functions, directory.logs]
  await Promise.all(others.map(path => rm(path, { recursive: true, force: true })))
}

/** Like `Promise.all`, but nothing is still on its way when it rejects. */
const allDone = async <Results extends readonly Promise<unknown>[]>(
  ...work: Results
): Promise<{ -readonly [Index in keyof Results]: Awaited<Results[Index]> }> => {
  await Promise.allSettled(work)
  return Promise.all(work)
}

/**
 * Runs the whole service on this machine: the bundles that AWS would get, behind the same gateway, queues and schedules, on a
 * Postgres and a Redis of its own. Resolves when it serves; rejects, with everything ended again, when something can't be started
 * (`AlreadyRunning`, `PortInUse`). Nothing outlives this process.
 */
export const startHost = async (options: HostOptions): Promise<Host> => {
  const started = new AsyncDisposableStack()
  try {
    const host = await start(options, started)
    return { ...host, stop: () => started.disposeAsync() }
  } catch (error) {
    await started.disposeAsync()
    throw error
  }
}

const start = async (options: HostOptions, started: AsyncDisposableStack): Promise<Omit<Host, 'stop'>> => {
  const { directory, topology = wholeTopology, progress = silentProgress, storeLost = () => {} } = options
  const httpPort = options.httpPort ?? (await freePort())
  const webSocketPort = options.webSocketPort ?? (await freePort())
  const jwtSecret = options.jwtSecret ?? (await keptSecret(directory.jwtSecret))

  const lock = await lockDirectory(directory, { httpPort, webSocketPort, jwtSecret })
  started.defer(lock.release)
  if (!(await isPortFree(httpPort))) throw new PortInUse(httpPort, 'HTTP API')
  if (!(await isPortFree(webSocketPort))) throw new PortInUse(webSocketPort, 'WebSocket API')
  if (options.fresh) await wipe(directory)
  await rm(directory.outputs, { force: true })
  const { logs } = directory
  await mkdir(logs, { recursive: true })
  const functionLog = openFunctionLog(join(logs, 'functions.log'))
  started.defer(functionLog.close)

  const store = (name: 'Postgres' | 'Redis', directory: string, launch: typeof startPostgres) =>
    progress.step(
      name,
      async tell => {
        const logFile = join(logs, `${name.toLowerCase()}.log`)
        const hosted = await hostStore(port => launch({ directory, port, logFile, log: tell }), storeLost)
        started.defer(hosted.stop)
        return hosted
      },
      ({ title, url }) => `${title} at ${new URL(url).host}`,
    )
  const given = (name: 'Postgres' | 'Redis', url: string) =>
    progress.step(
      name,
      async () => ({ url }),
      () => `${name} at ${new URL(url).host}, as given`,
    )
  const { databaseUrl, redisUrl, profileApiUrl } = options
  const serviceToken = options.serviceToken ?? (await keptSecret(directory.serviceToken))
  const profileApiToken = options.profileApiToken ?? (await keptSecret(directory.profileApiToken))

  const [postgres, redis, aws, profileApi, bundles, playground] = await allDone(
    databaseUrl ? given('Postgres', databaseUrl) : store('Postgres', directory.postgres, startPostgres),
    redisUrl ? given('Redis', redisUrl) : store('Redis', directory.redis, startRedis),
    progress.step(
      'DynamoDB and SQS',
      async () => {
        const dynamoDb = await startDynamoDb({ directory: directory.dynamoDb, tables: topology.tables })
        started.defer(dynamoDb.stop)
        const sqs = await startSqs(queueSettings(topology))
        started.defer(sqs.stop)
        return { dynamoDb, sqs }
      },
      ({ dynamoDb, sqs }) => `DynamoDB at ${new URL(dynamoDb.url).host}, SQS at ${new URL(sqs.url).host}`,
    ),
    progress.step(
      'Main service',
      async () => {
        if (profileApiUrl) return { url: profileApiUrl, title: 'Main service, as given' }
        const standIn = await startMainService({ token: profileApiToken })
        started.defer(standIn.stop)
        return { url: standIn.url, title: 'Stand-in of the main service', rename: standIn.rename }
      },
      ({ url, title }) => `${title} at ${new URL(url).host}`,
    ),
    progress.step(
      'Functions',
      () => bundleAll(topology, directory.functions),
      ({ size }) => `${size} functions bundled`,
    ),
    bundlePlayground(),
  )
  const facts: StackFacts = {
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    connectionsUrl: `http://127.0.0.1:${webSocketPort}`,
    webSocketUrl: `ws://127.0.0.1:${webSocketPort}`,
    dynamoDbUrl: aws.dynamoDb.url,
    queueUrl: aws.sqs.queueUrl,
    jwtSecret,
    profileApi: { url: profileApi.url, token: profileApiToken },
    serviceToken,
    contentMasterKey: await keptSecret(directory.contentMasterKey),
    logMaskKey: await keptSecret(directory.logMaskKey),
    settings: options.settings ?? {},
  }
  const functions = createFunctionHost({
    functions: Object.fromEntries(
      Object.entries(topology.functions).map(([name, definition]) => [
        name,
        {
          bundlePath: bundles.get(name) ?? '',
          timeoutSeconds: definition.timeoutSeconds,
          memoryMb: definition.memoryMb,
          environment: functionVariables(definition, facts),
        },
      ]),
    ),
    log: line => {
      functionLog.write(line)
      if (line.stream === 'host') progress.tell(`${line.function}: ${line.text}`)
    },
  })
  started.defer(() => functions.stop())

  await progress.step(
    'Migration',
    async () => {
      const { outcome, errorType, errorMessage } = await functions.invoke(topology.migration, {})
      if (outcome !== 'ok') throw new Error(`The migration failed: ${errorType}: ${errorMessage}`)
    },
    () => 'The database has the newest schema',
  )
  await progress.step(
    'Starting the functions',
    () => functions.start(),
    () => 'The functions have started',
  )

  const tell = progress.tell
  const [gateway, scheduler] = await progress.step(
    'Gateway, queues and schedules',
    async () => {
      const { corsOrigins = [], idleTimeoutMs, maxConnectionMs } = options
      const ofPlayground = playgroundPages({
        jwtSecret,
        webSocketUrl: facts.webSocketUrl,
        bundle: options.watch ? bundlePlayground : async () => playground,
        ...('rename' in profileApi && { rename: profileApi.rename }),
      })
      const gateway = await startGateway({
        topology,
        functions,
        httpPort,
        webSocketPort,
        corsOrigins,
        pages: { pages: new Map([...docsPages(), ...ofPlayground.pages]), requests: ofPlayground.requests },
        ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
        ...(maxConnectionMs !== undefined && { maxConnectionMs }),
        log: tell,
      })
      started.defer(() => gateway.stop())
      const pumps = Object.entries(topology.queues).map(([name, definition]) =>
        startQueuePump({
          ...definition,
          queue: aws.sqs.queue(name),
          units: aws.sqs.units,
          invoke: event => functions.invoke(definition.function, event),
          log: tell,
        }),
      )
      // Not waited for: what is in flight ends with the functions.
      started.defer(() => void pumps.map(pump => pump.stop()))
      const scheduler = startScheduler({ schedules: topology.schedules, invoke: functions.invoke, log: tell })
      started.defer(scheduler.stop)
      return [gateway, scheduler] as const
    },
    () => 'Gateway, queues and schedules are up',
  )

  const control = await startControl(functions.invoke)
  started.defer(control.stop)
  if (options.watch) started.defer((await watchAll(topology, directory.functions, replaceIn(functions, tell))).stop)
  const outputs = {
    HttpApiUrl: gateway.httpUrl,
    WebSocketUrl: gateway.webSocketUrl,
    PlaygroundUrl: gateway.httpUrl + playgroundPath,
    DatabaseUrl: postgres.url,
    RedisUrl: redis.url,
    ...Object.fromEntries(
      Object.keys(topology.outboundQueues).map(name => [`${name}QueueUrl`, aws.sqs.queueUrl(name)] as const),
    ),
  }
  started.defer(() => rm(directory.outputs, { force: true }))
  await writeFile(directory.outputs, `${JSON.stringify(outputs, null, 2)}\n`, { mode: 0o600 })
  await lock.announce({ control: { url: control.url, secret: control.secret }, dynamoDbUrl: aws.dynamoDb.url })
  return {
    outputs,
    jwtSecret,
    functions,
    gateway,
    sqs: aws.sqs,
    scheduler,
    ...('stop' in postgres && { postgres }),
    ...('stop' in redis && { redis }),
    invoke: functions.invoke,
    units: () => ({
      ...gateway.units,
      ...functions.units,
      ...aws.sqs.units,
      ...aws.dynamoDb.units,
      logBytes: functionLog.bytes,
    }),
  }
}

const replaceIn =
  (functions: FunctionHost, tell: (text: string) => void) =>
  (name: string, bundlePath: string): void => {
    functions.replace(name, bundlePath).then(
      () => tell(`${name} runs its new code`),
      (error: Error) => tell(error.message),
    )
  }
