/**
 * How long answers take while the main service, which has the names, does what it should not; how often it is called meanwhile;
 * and how soon after it is back the names are right. Everybody who is asked about is new, so nothing is cached; each outage begins
 * with a service that is trusted. Runs for about two minutes, on a stack of its own.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../infra/local/free-port.ts'
import { type MainServiceStandIn, startMainService } from '../../infra/local/main-service/main-service.ts'
import type { ConversationPage } from '../../shared/conversations/conversations.schema.ts'
import { startStack } from '../support/stack.ts'
import { atOnce } from './bench/at-once.ts'
import { createServiceTarget } from './bench/service-target.ts'
import { percentile } from './bench/statistics.ts'

const token = 'what the main service takes'
const readers = 60
const connections = 8
const groupSize = 8
const giveUpMs = 60_000

const states: [string, (mainService: MainServiceStandIn) => unknown][] = [
  ['is there', () => {}],
  ['answers after 10 s', mainService => mainService.behave({ slowMs: 10_000 })],
  ['answers with status 500', mainService => mainService.behave('failing')],
  ['answers garbage', mainService => mainService.behave('garbage')],
  ['knows half of the ids', mainService => mainService.behave('partial')],
  ['answers with 100 MB', mainService => mainService.behave('huge')],
  ['is down', mainService => mainService.stop()],
]

const main = async (): Promise<void> => {
  await using started = new AsyncDisposableStack()
  const port = await freePort()
  let mainService = await startMainService({ token, port })
  started.defer(() => mainService.stop())
  const stack = await startStack({ PROFILE_API_URL: mainService.url, PROFILE_API_TOKEN: token })
  started.defer(stack.stop)
  const service = createServiceTarget(stack)
  const list = (userId: string) => service.ask<ConversationPage>(userId, 'GET /conversations')
  const isRight = async (userId: string) =>
    (await list(userId)).items.every(({ participants }) => participants.every(({ profile }) => !profile.stale))

  console.log('The main service …            p50 ms  p99 ms  most ms  calls  right again s')
  for (const [name, begin] of states) {
    const people = Array.from({ length: readers }, () => randomUUID())
    // Made while the service is away, whoever is in them is known to nobody afterwards.
    await mainService.stop()
    for (const reader of people) {
      const participantIds = Array.from({ length: groupSize - 1 }, () => randomUUID())
      await service.ask(reader, 'POST /conversations/group', { participantIds })
    }
    mainService = await startMainService({ token, port })
    const [first = ''] = people
    while (!(await isRight(first))) await delay(500)

    await begin(mainService)
    const callsBefore = mainService.calls.length
    const times: number[] = []
    await atOnce(connections, people.slice(1), async userId => {
      const startedAt = performance.now()
      await list(userId)
      times.push(performance.now() - startedAt)
    })
    const calls = mainService.calls.length - callsBefore
    if (name === 'is down') mainService = await startMainService({ token, port })
    mainService.behave('right')
    const backAt = performance.now()
    for (const userId of people) {
      while (!(await isRight(userId))) {
        if (performance.now() - backAt > giveUpMs) throw new Error(`${name}: names are not right a minute later`)
        await delay(250)
      }
    }
    const [p50, p99, most] = [0.5, 0.99, 1].map(share => percentile(times, share).toFixed(0).padStart(7))
    const seconds = ((performance.now() - backAt) / 1_000).toFixed(1)
    console.log(`${name.padEnd(28)} ${p50} ${p99}  ${most} ${String(calls).padStart(6)} ${seconds.padStart(14)}`)
  }
}

main().then(
  () => process.exit(),
  (error: Error) => {
    console.error(error)
    process.exit(1)
  },
)
