import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { processIdentity } from '../infra/local/process-identity.ts'
import { endedBeforeUs, endWithUs } from '../infra/local/reaper.ts'
import { redisServer } from '../infra/local/stores/redis-install.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const programs = join(root, 'node_modules', '.bin')

/** What jest writes with `--json`, as far as it is read here. */
interface JestResult {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  /** Files whose tests could not even be found. */
  readonly numRuntimeErrorTestSuites: number
}

let running: ChildProcess | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    running?.kill(signal)
    process.exit(128 + constants.signals[signal])
  })
}

/** Runs a program of this project in sight; true when it went well. It ends with us. */
const show = async (program: string, ...args: string[]): Promise<boolean> => {
  running = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH}` },
  })
  const ended = once(running, 'exit')
  const { pid = 0 } = running
  endWithUs({ pid, identity: processIdentity(pid) ?? '', signals: ['SIGTERM', 'SIGKILL'], patienceMs: 2_000 })
  const [code] = await ended
  endedBeforeUs(pid)
  running = undefined
  return code === 0
}

const steps = 5
const started = performance.now()
const announce = (number: number, title: string): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`[${number}/${steps}] ${title} (after ${seconds} s)`)
}

const readResult = async (file: string): Promise<JestResult | undefined> => {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as JestResult
  } catch {
    return undefined
  }
}

const summary = (result: JestResult | undefined): string => {
  if (!result) return '0 passed, 1 failed'
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites
  const skipped = result.numPendingTests + result.numTodoTests
  return `${result.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

announce(1, 'Redis or Valkey')
const server = await redisServer(console.log).catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
console.log(server)
announce(2, 'Type check')
const typed = (await show('tsc', '--noEmit')) && (await show('tsc', '--noEmit', '-p', 'infra/local/playground/app'))
announce(3, 'Lint')
const linted = await show('biome', 'check', '.')
announce(4, 'Packages')
const supplied = await show('node', 'test/supply-chain.ts')
announce(5, 'Tests')
const directory = await mkdtemp(join(tmpdir(), 'kaha-chat-result-'))
const resultFile = join(directory, 'jest.json')
const tested = await show(
  'node',
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
  '--json',
  `--outputFile=${resultFile}`,
  ...process.argv.slice(2),
)
const result = await readResult(resultFile)
await rm(directory, { recursive: true, force: true })

if (!typed) console.log('The type check failed: see [2/5].')
if (!linted) console.log('Lint failed: see [3/5].')
if (!supplied) console.log('A package has a known weakness: see [4/5].')
console.log(summary(result))
process.exit(typed && linted && supplied && tested ? 0 : 1)
