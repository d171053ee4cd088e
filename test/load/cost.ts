/**
 * What the service costs, in dollars for a million messages and for a thousand users online: the whole of it runs on this
 * machine, users chat over real clients, and what AWS would bill is counted (docs/cost.md). Runs for some six minutes.
 *
 * `USERS`: how many, an even number, instead of 100. `MINUTES`: how long each part is measured for, instead of 1. Settings of the
 * service (docs/settings.md) are set as for `npm start`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stages } from '../../infra/aws/stages.ts'
import { billOf, less, nothing, times, type Usage } from '../../infra/cost/bill.ts'
import { atHeartbeat } from '../../infra/cost/idle.ts'
import { hoursOfAMonth, standingCosts } from '../../infra/cost/standing.ts'
import type { InvocationUnits } from '../../infra/local/functions/function-host.ts'
import { type Host, startHost } from '../../infra/local/host.ts'
import type { HostUnits } from '../../infra/local/host-units.ts'
import { localDirectoryAt } from '../../infra/local/local-directory.ts'
import { startPostgres } from '../../infra/local/stores/postgres.ts'
import { operatorSettings } from '../../infra/operator-settings.ts'
import { topology } from '../../infra/topology.ts'
import { clientSettings } from '../../shared/delivery/session.ts'
import { inShort, perEach, showBill, showSum } from './cost/report.ts'
import { countingParameters, openStores } from './cost/store-usage.ts'
import { accessLogLineBytes, usageOf } from './cost/usage.ts'
import { type Frames, newUsers, pairUp, talk } from './cost/users.ts'

const users = Number(process.env.USERS || 100)
/** Whole minutes, in which each schedule runs as often as it should, and each client beats. */
const measuredMs = Number(process.env.MINUTES || 1) * 60_000
const million = 1e6
const thousand = 1_000
const monthMs = hoursOfAMonth * 3_600_000
/** Until connections, replays and sweeps have come to rest. */
const restMs = 6_000
/** Until who is offline has been notified of the last message. */
const notifiedMs = 14_000

/** What was used while something ran. */
interface Part {
  readonly usage: Usage
  readonly ms: number
  readonly functions: ReadonlyMap<string, InvocationUnits>
}

const inTime = ({ usage, ms }: Part, wantedMs: number): Usage => times(usage, wantedMs / ms)

const functionsBetween = (before: HostUnits, after: HostUnits): Map<string, InvocationUnits> =>
  new Map(
    Object.entries(after.byFunction).map(([name, units]) => {
      const { invocations, gbMilliseconds } = before.byFunction[name] ?? { invocations: 0, gbMilliseconds: 0 }
      return [
        name,
        { invocations: units.invocations - invocations, gbMilliseconds: units.gbMilliseconds - gbMilliseconds },
      ]
    }),
  )

const calls = ({ functions }: Part): [name: string, amount: number][] =>
  [...functions].map(([name, { invocations }]) => [name, invocations])

/** What a frame uses that goes to this function, with its answer. */
const frameUsage = ({ functions }: Part, functionName: string, answered: boolean): Usage => {
  const { invocations, gbMilliseconds } = functions.get(functionName) ?? { invocations: 0, gbMilliseconds: 0 }
  return {
    ...nothing,
    webSocketMessages: answered ? 2 : 1,
    invocations: 1,
    tracedInvocations: answered ? 1 : 0,
    gigabyteSeconds: invocations > 0 ? gbMilliseconds / 1_000 / invocations : 0,
    logBytes: accessLogLineBytes,
  }
}

const measure = async (host: Host, databaseUrl: string): Promise<void> => {
  const stores = await openStores({ databaseUrl, redisUrl: host.outputs.RedisUrl })
  const read = async () => {
    const units = host.units()
    return { units, usage: usageOf(units, await stores.usage()) }
  }
  const during = async (work: () => Promise<unknown>): Promise<Part> => {
    const [before, startedAt] = [await read(), Date.now()]
    await work()
    const ms = Date.now() - startedAt
    const after = await read()
    return { usage: less(after.usage, before.usage), ms, functions: functionsBetween(before.units, after.units) }
  }

  console.log('Nobody is there')
  const empty = await during(() => delay(measuredMs))

  console.log(`${users} users connect`)
  const frames: Frames = new Map()
  const people = newUsers(host, users, frames)
  const connecting = await during(async () => {
    for (const { chat } of people) await chat.connect()
    await delay(restMs)
  })
  const pairs = await pairUp(people)
  await delay(restMs * 4)

  console.log('They are there and do nothing')
  frames.clear()
  const idle = await during(() => delay(measuredMs))
  const framesOfIdle = new Map(frames)

  console.log('They chat, two by two')
  frames.clear()
  let online = 0
  const chatting = await during(async () => {
    online = await talk(pairs, measuredMs, 'both')
    await delay(restMs)
  })
  const framesOfMessages = new Map(frames)

  console.log('One of each two goes, the other writes on')
  for (const { chats } of pairs) chats[1].close()
  await delay(restMs * 2)
  let offline = 0
  const waiting = await during(async () => {
    offline = await talk(pairs, measuredMs, 'first')
    await delay(notifiedMs)
  })
  for (const { chat } of people) chat.close()
  await stores.close()

  // Who writes nothing stores nothing: what the database grows by meanwhile is what was before.
  const idleAlone = { ...less(idle.usage, inTime(empty, idle.ms)), storedGigabyteMonths: 0 }
  const perUserMonth = times(idleAlone, monthMs / idle.ms / users)
  const perConnect = {
    ...times(less(connecting.usage, inTime(empty, connecting.ms)), 1 / users),
    storedGigabyteMonths: 0,
  }
  const perMessage = times(less(chatting.usage, inTime(idle, chatting.ms)), 1 / online)
  const whoStays = times(idleAlone, waiting.ms / idle.ms / 2)
  const perMissed = times(less(less(waiting.usage, inTime(empty, waiting.ms)), whoStays), 1 / offline)

  const ofOne = (usage: Usage) =>
    `${inShort(usage.webSocketMessages)} frames, ${inShort(usage.invocations)} invocations, ` +
    `${inShort(usage.sqlStatements)} SQL statements, ${inShort(usage.cacheProcessingUnits)} ECPU, ${inShort(usage.sqsRequests)} requests to SQS`
  console.log(`
Measured on ${cpus().length} cores of ${cpus()[0]?.model ?? 'some processor'}
${users} users online. Each, in ${Math.round(idle.ms / 1_000)} s: ${perEach(framesOfIdle, users)}
  functions: ${perEach(calls(idle), users)}
${online} messages to who is online. Each: ${ofOne(perMessage)}
  frames, heartbeats of that time included: ${perEach(framesOfMessages, online)}
  functions, likewise: ${perEach(calls(chatting), online)}
${offline} messages to who is not. Each: ${ofOne(perMissed)}`)
  showBill('A million messages to who is online', billOf(times(perMessage, million)))
  showBill('A million messages to who is not, until notified', billOf(times(perMissed, million)))
  showBill('A thousand users online, for a month', billOf(times(perUserMonth, thousand)))
  const frame = {
    heartbeat: frameUsage(idle, 'HeartbeatFunction', false),
    ping: frameUsage(idle, 'MessageFunction', true),
  }
  const sent = (action: string) => framesOfIdle.get(`${action} →`) ?? 0
  const alone = { usage: idleAlone, heartbeats: sent('heartbeat'), pings: sent('ping') }
  const toThousandMonths = (thousand * monthMs) / idle.ms / users
  for (const seconds of [5, 10, clientSettings.heartbeatSeconds, 20, 25, 60, 300]) {
    const usage = times(atHeartbeat(alone, frame, seconds), toThousandMonths)
    showSum(`  with a heartbeat every ${seconds} s, without pings`, usage)
  }
  showSum('  a million heartbeats', times(frame.heartbeat, million))
  showSum('  a million pings with their answers', times(frame.ping, million))
  showBill('A million connects', billOf(times(perConnect, million)))
  showBill('What runs by itself, for a month', billOf(inTime(empty, monthMs)))
  const queues = Object.keys(topology.queues).length
  for (const [name, settings] of Object.entries(stages)) {
    showBill(`What stands in ${name}, for a month`, standingCosts(settings, queues))
  }
}

if (!Number.isInteger(users / 2) || users < 2) throw new Error('USERS is an even number')
const directory = localDirectoryAt(await mkdtemp(join(tmpdir(), 'kaha-chat-cost-')))
await using started = new AsyncDisposableStack()
started.defer(() => rm(directory.path, { recursive: true, force: true }))
const postgres = await startPostgres({
  directory: directory.postgres,
  logFile: join(directory.path, 'postgres.log'),
  log: text => console.log(`Postgres: ${text}`),
  parameters: countingParameters,
})
started.defer(postgres.stop)
const settings = Object.fromEntries(
  operatorSettings.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : [])),
)
const host = await startHost({ directory, databaseUrl: postgres.url, settings })
started.defer(host.stop)
await host.invoke('SweepFunction', {})
const asAdministrator = new URL(postgres.url)
asAdministrator.username = 'postgres'
await measure(host, asAdministrator.href)
