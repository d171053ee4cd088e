import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../infra/local/free-port.ts'
import type { HostOutputs } from '../../infra/local/host.ts'
import { type LocalDirectory, localDirectoryAt, repository } from '../../infra/local/local-directory.ts'
import { requireNoLeaks } from './leaks.ts'
import { testSecret } from './tokens.ts'

/** What tests know of the stack that serves them. */
export interface Stack {
  readonly outputs: HostOutputs
  readonly directory: LocalDirectory
}

export interface StartedStack extends Stack {
  /** The number of its process. */
  readonly pid: number
  /** Ends it by that signal and starts it again where it was, with what it has stored. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Ends it as Ctrl-C does and removes its directory. Rejects when it has not ended within 10 s; then it is killed. */
  stop(): Promise<void>
}

export const allowedOrigin = 'https://app.example.com'

const startTimeoutMs = 120_000
const stopTimeoutMs = 10_000
const pollMs = 50

/** The program that `npm start` runs, as package.json names it. */
export const startProgram = async (): Promise<string> => {
  const { scripts } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'))
  return join(repository, String(scripts.start).split(' ').at(-1) ?? '')
}

const outputsOf = async (directory: LocalDirectory): Promise<HostOutputs | undefined> => {
  const text = await readFile(directory.outputs, 'utf8').catch(() => '')
  return text.endsWith('}\n') ? JSON.parse(text) : undefined
}

const stopProcess = async (child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(stopTimeoutMs) })
  child.kill(signal)
  await ended.catch(error => {
    child.kill('SIGKILL')
    throw new Error('The stack did not end in time', { cause: error })
  })
}

interface Launch {
  readonly directory: LocalDirectory
  readonly variables: Readonly<Record<string, string>>
}

/** Resolves when it is up. It ends with this process at the latest. */
const launch = async ({ directory, variables }: Launch): Promise<{ child: ChildProcess; outputs: HostOutputs }> => {
  await rm(directory.outputs, { force: true })
  const child = spawn(process.execPath, [await startProgram()], {
    cwd: repository,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LOCAL_DIR: directory.path, ...variables },
    // It ends when the channel closes, so also when this process is killed.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => (said += data))
  const deadline = Date.now() + startTimeoutMs
  for (;;) {
    const outputs = await outputsOf(directory)
    if (outputs) return { child, outputs }
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stopProcess(child)
      throw new Error(`The stack did not start:\n${said}`)
    }
    await delay(pollMs)
  }
}

/**
 * Starts the whole service as `npm start` does, in a process of its own, with an empty directory and free ports; it takes
 * tokens of `tokenFor`, limits no rates and holds push requests back for a second. It ends with this process at the latest.
 * @param settings Variables that change its defaults.
 */
export const startStack = async (settings: Readonly<Record<string, string>> = {}): Promise<StartedStack> => {
  const directory = localDirectoryAt(await mkdtemp(join(tmpdir(), 'kaha-chat-e2e-')))
  const [httpPort, webSocketPort] = [await freePort(), await freePort()]
  const variables = {
    PORT: String(httpPort),
    WS_PORT: String(webSocketPort),
    JWT_SECRET: testSecret,
    CORS_ORIGINS: allowedOrigin,
    PUSH_HOLD_SECONDS: '1',
    RATE_LIMIT_SENDS: '0',
    RATE_LIMIT_REQUESTS: '0',
    RATE_LIMIT_AUTH_FAILURES: '0',
    ...settings,
  }
  const remove = () => rm(directory.path, { recursive: true, force: true })
  let running = await launch({ directory, variables }).catch(async error => {
    await remove()
    throw error
  })
  return {
    get outputs() {
      return running.outputs
    },
    get pid() {
      return running.child.pid ?? 0
    },
    directory,
    restart: async signal => {
      await stopProcess(running.child, signal)
      running = await launch({ directory, variables })
    },
    stop: async () => {
      await stopProcess(running.child)
      await remove()
    },
  }
}

/** Stops it. Rejects also when it has let out what it must not; reads all that it has stored. */
export const stopWithoutLeaks = async (stack: StartedStack): Promise<void> => {
  const noLeaks = requireNoLeaks(stack)
  await noLeaks.catch(() => {})
  await stack.stop()
  await noLeaks
}

const variable = 'TEST_STACK'

/** Makes the stack known to the tests of this run. */
export const announceStack = ({ outputs, directory }: Stack): void => {
  process.env[variable] = JSON.stringify({ outputs, directory })
}

/** The stack of this run, which the global set-up has started. */
export const testStack = (): Stack => JSON.parse(process.env[variable] ?? '{}')
