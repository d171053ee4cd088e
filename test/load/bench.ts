/**
 * Measures the service on this machine, beside a floor that tells what the machine can do at all (`bench/floor-server.ts`), and
 * Postgres alone (`pgbench`). It starts its own stack with fresh data and default durability. Rounds of all scenarios take turns,
 * so that what else the machine does falls on all of them; figures are medians with their range, and good for ratios within
 * one run only. Its databases are filled first. Before each round everything that sends or reads does so for up to half a minute,
 * unmeasured, on each target: code is compiled while it runs for the first time, and the storm restarts the host. `cold` in a name is about caches: of pages that
 * the warm-up leaves alone. Cold starts, assignment and storms are not warmed up.
 * `--profile` keeps a `.cpuprofile` of the host's main thread and of each function since the host last started (Chrome's developer tools
 * show it as a flame graph). Sampling two dozen threads slows all down: figures of such a run are not to be quoted.
 *
 * `npm run bench -- [--only <part of a name>] [--rounds 3] [--seconds 8] [--json <file>] [--profile <directory>]`
 */
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startStack } from '../support/stack.ts'
import { assignmentScenario } from './bench/assignment.ts'
import { coldStartScenario } from './bench/cold-start.ts'
import { startFloor } from './bench/floor-target.ts'
import { pageScenarios } from './bench/pages.ts'
import { pgbenchScenario } from './bench/pgbench.ts'
import { processorTime } from './bench/processor-time.ts'
import { keepProfiles, profiled } from './bench/profiles.ts'
import { type Measured, table } from './bench/report.ts'
import { retentionScenario } from './bench/retention.ts'
import { sendScenarios } from './bench/sends.ts'
import { createServiceTarget } from './bench/service-target.ts'
import { stormScenario } from './bench/storms.ts'
import type { Target } from './bench/target.ts'
import { warmUp } from './bench/warm-up.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    json: { type: 'string' },
    profile: { type: 'string' },
  },
})
const [rounds, seconds] = [Number(options.rounds), Number(options.seconds)]
const profiles = options.profile === undefined ? undefined : resolve(options.profile)

const main = async (): Promise<void> => {
  await using started = new AsyncDisposableStack()
  const stack = await startStack({
    // Counted as ever, but never reached.
    RATE_LIMIT_SENDS: '1000000',
    RATE_LIMIT_REQUESTS: '1000000',
    ...(profiles !== undefined && profiled(profiles)),
  })
  started.defer(stack.stop)
  const service = createServiceTarget(stack)
  const floor = await startFloor(
    () => stack.outputs.DatabaseUrl,
    () => processorTime(stack.pid),
  )
  started.defer(floor.stop)
  const targets: Target[] = [service, floor]
  const scenarios = [
    ...sendScenarios(seconds),
    ...pageScenarios(seconds),
    retentionScenario(service, seconds),
    assignmentScenario(service),
    coldStartScenario(service),
    ...pgbenchScenario(service, seconds),
    // The last: it restarts the host.
    stormScenario(service, floor.restart),
  ].filter(({ name }) => name.includes(options.only))
  const measured: Measured[] = scenarios.flatMap(scenario =>
    scenario.targets.map(target => ({ scenario: scenario.name, target, rounds: [] })),
  )
  // In a database that is nearly empty Postgres plans otherwise than in one that is used.
  for (const target of targets) await target.filled()
  for (let round = 1; round <= rounds; round += 1) {
    console.log(`Round ${round} of ${rounds}: warm-up`)
    await warmUp(scenarios, targets)
    for (const scenario of scenarios) {
      for (const target of targets.filter(({ name }) => scenario.targets.includes(name))) {
        console.log(`Round ${round} of ${rounds}: ${scenario.name}, ${target.name}`)
        const figures = await scenario.run(target)
        measured.find(each => each.scenario === scenario.name && each.target === target.name)?.rounds.push(figures)
      }
    }
  }
  console.log(`\n${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}`)
  console.log('service: median (least–most), then the floor, then their ratio')
  console.log(table(measured))
  if (profiles !== undefined) await keepProfiles(profiles, stack.pid)
  if (options.json) await writeFile(options.json, `${JSON.stringify(measured, null, 2)}\n`)
}

main().then(
  () => process.exit(),
  (error: Error) => {
    console.error(error)
    process.exit(1)
  },
)
