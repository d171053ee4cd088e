import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../../infra/local/free-port.ts'
import type { GatewayUnits } from '../../../infra/local/gateway/gateway-units.ts'
import type { HostOptions, HostOutputs } from '../../../infra/local/host.ts'
import { type HostedStore, hostStore } from '../../../infra/local/hosted-store.ts'
import { type LocalDirectory, localDirectoryAt } from '../../../infra/local/local-directory.ts'
import { type MainServiceStandIn, startMainService } from '../../../infra/local/main-service/main-service.ts'
import { removeAfterUs } from '../../../infra/local/reaper.ts'
import { startPostgres } from '../../../infra/local/stores/postgres.ts'
import { startRedis } from '../../../infra/local/stores/redis.ts'
import type { Stack } from '../../support/stack.ts'
import { testSecret } from '../../support/tokens.ts'
import { type ProcessorTime, processorTime } from '../bench/processor-time.ts'

/** What the host's process is started with, as JSON. */
export type HostLaunch = Omit<HostOptions, 'progress' | 'storeLost' | 'topology'>

/** What its process is asked; it answers each by its state. 0 is the answer to nothing: it is up. */
export interface HostOrder {
  number: number
  sqsIsUnavailable?: boolean
  /** Collects garbage, and holds everything up meanwhile. */
  measureHeap?: boolean
}

export interface HostState {
  outputs: HostOutputs
  /** Open sockets. */
  connections: number
  /** Jobs that are due or being worked on, in all queues. */
  backlog: number
  residentMb: number
  /** What is alive in all its threads, when that was asked. */
  heapMb?: number
  units: GatewayUnits
}

/** A whole stack, each part of which can be taken away and given back. */
export interface HostedStack extends Stack {
  readonly postgres: HostedStore
  readonly redis: HostedStore
  readonly mainService: MainServiceStandIn
  /** Stops Redis where it is, and lets it go on. */
  freezeRedis(isFrozen: boolean): Promise<void>
  /** Undefined while the host is away. */
  state(order?: Omit<HostOrder, 'number'>): Promise<HostState | undefined>
  killHost(): Promise<void>
  startHost(): Promise<void>
  processorTime(): ProcessorTime
  stop(): Promise<void>
}

const program = fileURLToPath(new URL('./host-process.ts', import.meta.url))
const profileApiToken = 'a-token-of-the-main-service-for-tests'

interface RunningHost {
  readonly child: ChildProcess
  /** Undefined when the host ends before it has answered. */
  ask(order: HostOrder): Promise<HostState | undefined>
}

const launchHost = async (launch: HostLaunch): Promise<{ host: RunningHost; outputs: HostOutputs }> => {
  const child = fork(program, [JSON.stringify(launch)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const waiting = new Map<number, (state: HostState | undefined) => void>()
  let hasEnded = false
  child.on('message', ({ number, state }: { number: number; state: HostState }) => {
    waiting.get(number)?.(state)
    waiting.delete(number)
  })
  child.once('exit', () => {
    hasEnded = true
    for (const answer of waiting.values()) answer(undefined)
  })
  const answerTo = (number: number): Promise<HostState | undefined> =>
    hasEnded ? Promise.resolve(undefined) : new Promise(resolve => void waiting.set(number, resolve))
  const up = await answerTo(0)
  if (!up) throw new Error('The host did not start')
  const ask = (order: HostOrder) => {
    const answer = answerTo(order.number)
    // It may end at any time; then there is no answer.
    if (!hasEnded) child.send(order, () => {})
    return answer
  }
  return { host: { child, ask }, outputs: up.outputs }
}

const endHost = async ({ child }: RunningHost, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/**
 * Starts the service with the defaults of operators, its limits of rates among them: those of users are far above what one person does,
 * and the one of addresses counts refused tokens only, so it does not matter that all come from one. Its host is a process of its own,
 * stores and the main service's stand-in are beside it. All of it ends with this process at the latest.
 */
export const startHostedStack = async (): Promise<HostedStack> => {
  const directory: LocalDirectory = localDirectoryAt(await mkdtemp(join(tmpdir(), 'kaha-chat-load-')))
  removeAfterUs(directory.path)
  await using started = new AsyncDisposableStack()
  started.defer(() => rm(directory.path, { recursive: true, force: true }))
  const store = async (name: 'postgres' | 'redis', launch: typeof startPostgres) => {
    const logFile = join(directory.path, `${name}.log`)
    const hosted = await hostStore(
      port => launch({ directory: directory[name], port, logFile, log: () => {} }),
      () => {},
    )
    started.defer(hosted.stop)
    return hosted
  }
  const [postgres, redis] = [await store('postgres', startPostgres), await store('redis', startRedis)]
  const mainService = await startMainService({ token: profileApiToken })
  started.defer(mainService.stop)
  const launch: HostLaunch = {
    directory,
    httpPort: await freePort(),
    webSocketPort: await freePort(),
    jwtSecret: testSecret,
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    profileApiUrl: mainService.url,
    profileApiToken,
  }
  const first = await launchHost(launch)
  let { host } = first
  let orders = 0
  started.defer(() => endHost(host, 'SIGTERM'))
  const parts = started.move()
  return {
    directory,
    postgres,
    redis,
    mainService,
    outputs: first.outputs,
    freezeRedis: async isFrozen => {
      const { pid } = JSON.parse(await readFile(join(directory.redis, 'process.json'), 'utf8'))
      process.kill(pid, isFrozen ? 'SIGSTOP' : 'SIGCONT')
    },
    state: (order = {}) => {
      orders += 1
      return host.ask({ ...order, number: orders })
    },
    killHost: () => endHost(host, 'SIGKILL'),
    startHost: async () => {
      host = (await launchHost(launch)).host
    },
    processorTime: () => {
      const { postgres, redis } = processorTime(process.pid)
      return { host: processorTime(host.child.pid ?? 0).host, postgres, redis }
    },
    stop: () => parts.disposeAsync(),
  }
}
