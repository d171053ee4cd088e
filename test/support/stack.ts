import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../infra/local/free-port.ts'
import type { HostOutputs } from '../../infra/local/host.ts'
import { type LocalDirectory, localDirectoryAt, repository } from '../../infra/local/local-directory.ts'
import { testSecret } from './tokens.ts'

/** What tests know of the stack that serves them. */
export interface Stack {
  readonly outputs: HostOutputs
  readonly directory: LocalDirectory
}

export interface StartedStack extends Stack {
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

const stopProcess = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(stopTimeoutMs) })
  child.kill('SIGTERM')
  await ended.catch(error => {
    child.kill('SIGKILL')
    throw new Error('The stack did not end in time', { cause: error })
  })
}

/**
 * Starts the whole service as `npm start` does, in a process of its own, with an empty directory and free ports; it takes
 * tokens of `tokenFor`, limits no rates and holds push requests back for a second. It ends with this process at the latest.
 */
export const startStack = async (): Promise<StartedStack> => {
  const directory = localDirectoryAt(await mkdtemp(join(tmpdir(), 'kaha-chat-e2e-')))
  const [httpPort, webSocketPort] = [await freePort(), await freePort()]
  const child = spawn(process.execPath, [await startProgram()], {
    cwd: repository,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      LOCAL_DIR: directory.path,
      PORT: String(httpPort),
      WS_PORT: String(webSocketPort),
      JWT_SECRET: testSecret,
      CORS_ORIGINS: allowedOrigin,
      PUSH_HOLD_SECONDS: '1',
      RATE_LIMIT_SENDS: '0',
      RATE_LIMIT_REQUESTS: '0',
      RATE_LIMIT_AUTH_FAILURES: '0',
    },
    // It ends when the channel closes, so also when this process is killed.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => (said += data))
  const stop = async () => {
    await stopProcess(child)
    await rm(directory.path, { recursive: true, force: true })
  }

  const deadline = Date.now() + startTimeoutMs
  for (;;) {
    const outputs = await outputsOf(directory)
    if (outputs) return { outputs, directory, stop }
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`The stack did not start:\n${said}`)
    }
    await delay(pollMs)
  }
}

const variable = 'TEST_STACK'

/** Makes the stack known to the tests of this run. */
export const announceStack = ({ outputs, directory }: Stack): void => {
  process.env[variable] = JSON.stringify({ outputs, directory })
}

/** The stack of this run, which the global set-up has started. */
export const testStack = (): Stack => JSON.parse(process.env[variable] ?? '{}')
