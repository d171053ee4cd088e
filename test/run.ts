import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { constants, setPriority, tmpdir } from 'node:os'
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

const running = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal)
    process.exit(128 + constants.signals[signal])
  })
}

/** Runs a program of this project in sight; true when it went well. It ends with us. */
const show = async (program: string, args: readonly string[], priority = 0): Promise<boolean> => {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH}` },
  })
  running.add(child)
  const ended = once(child, 'exit')
  const { pid = 0 } = child
  if (priority !== 0) setPriority(pid, priority)
  endWithUs({ pid, identity: processIdentity(pid) ?? '', signals: ['SIGTERM', 'SIGKILL'], patienceMs: 2_000 })
  const [code] = await ended
  endedBeforeUs(pid)
  running.delete(child)
  return code === 0
}

const steps = 5
const started = performance.now()
const announce = (number: number, title: string): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`[${number}/${steps}] ${title} (after ${seconds} s)`)
}

/** Runs tests with jest, and counts what became of them. */
const runTests = async (args: readonly string[], priority?: number): Promise<{ tested: boolean; counts: Counts }> => {
  const directory = await mkdtemp(join(tmpdir(), 'kaha-chat-result-'))
  const file = join(directory, 'jest.json')
  const tested = await show('node', [...jest, '--json', `--outputFile=${file}`, ...args], priority)
  const counts = await readFile(file, 'utf8').then(countsIn, () => nothingRan)
  await rm(directory, { recursive: true, force: true })
  return { tested, counts }
}

const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}
const nothingRan: Counts = { passed: 0, failed: 1, skipped: 0 }

const countsIn = (json: string): Counts => {
  const result: JestResult = JSON.parse(json)
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    skipped: result.numPendingTests + result.numTodoTests,
  }
}

/** They load the CDK again and again and wait for nothing, beside all the others, which often wait: at a lower priority. */
const busyProject = 'infra'

announce(1, 'Redis or Valkey')
const server = await redisServer(console.log).catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
console.log(server)
announce(2, 'Type check')
const typed = (await show('tsc', ['--noEmit'])) && (await show('tsc', ['--noEmit', '-p', 'infra/local/playground/app']))
announce(3, 'Lint')
const linted = await show('biome', ['check', '.'])
announce(4, 'Packages')
const supplied = await show('node', ['test/supply-chain.ts'])
announce(5, 'Tests')
const chosen = process.argv.slice(2)
const runs =
  chosen.length > 0
    ? [runTests(chosen)]
    : [
        runTests(['--ignoreProjects', busyProject]),
        runTests(['--selectProjects', busyProject], constants.priority.PRIORITY_BELOW_NORMAL),
      ]
const outcomes = await Promise.all(runs)
const sum = (count: keyof Counts): number => outcomes.reduce((total, { counts }) => total + counts[count], 0)

if (!typed) console.log('The type check failed: see [2/5].')
if (!linted) console.log('Lint failed: see [3/5].')
if (!supplied) console.log('A package has a known weakness: see [4/5].')
const skipped = sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : ''
console.log(`${sum('passed')} passed, ${sum('failed')} failed${skipped}`)
process.exit(typed && linted && supplied && outcomes.every(({ tested }) => tested) ? 0 : 1)
