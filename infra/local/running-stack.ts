import { rmSync } from 'node:fs'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { errorCode } from './error-code.ts'
import type { LocalDirectory } from './local-directory.ts'
import { isRunning, type ProcessReference, processIdentity } from './process-identity.ts'

/** What a stack tells others on this machine, in a file that only its owner can read. */
export interface RunningStack extends ProcessReference {
  readonly httpPort: number
  readonly webSocketPort: number
  readonly jwtSecret: string
  /** Once it is up: where it takes orders, and where its DynamoDB is. */
  readonly control?: { readonly url: string; readonly secret: string }
  readonly dynamoDbUrl?: string
}

export class AlreadyRunning extends Error {
  readonly running: RunningStack

  constructor(running: RunningStack) {
    super(`A stack runs here already: process ${running.pid}`)
    this.running = running
  }
}

/** The stack that runs in this directory; undefined when there is none, also when one crashed. */
export const runningStack = async (directory: LocalDirectory): Promise<RunningStack | undefined> => {
  try {
    const stack = JSON.parse(await readFile(directory.running, 'utf8')) as RunningStack
    return isRunning(stack) ? stack : undefined
  } catch {
    return undefined
  }
}

export interface StackLock {
  /** Tells what others need of the stack that is up. */
  announce(facts: Pick<RunningStack, 'control' | 'dynamoDbUrl'>): Promise<void>
  release(): void
}

/** Readers see the old file, or none, or all of the new one. */
const place = async (stack: RunningStack, file: string, how: (from: string, to: string) => Promise<void>) => {
  const unfinished = `${file}.${process.pid}`
  await writeFile(unfinished, JSON.stringify(stack), { mode: 0o600 })
  await how(unfinished, file).finally(() => rm(unfinished, { force: true }))
}

/**
 * Makes this process the only one to use the directory, until it releases it or ends, however it ends. Throws
 * `AlreadyRunning`.
 */
export const lockDirectory = async (
  directory: LocalDirectory,
  facts: Pick<RunningStack, 'httpPort' | 'webSocketPort' | 'jwtSecret'>,
): Promise<StackLock> => {
  const stack: RunningStack = { pid: process.pid, identity: processIdentity(process.pid) ?? '', ...facts }
  await mkdir(directory.path, { recursive: true })
  try {
    await place(stack, directory.running, link)
  } catch (error) {
    const other = await runningStack(directory)
    if (other) throw new AlreadyRunning(other)
    if (errorCode(error) !== 'EEXIST') throw error
    await place(stack, directory.running, rename)
  }
  return {
    announce: more => place({ ...stack, ...more }, directory.running, rename),
    release: () => rmSync(directory.running, { force: true }),
  }
}
