import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { messagesOf } from '../../support/stored-messages.ts'
import type { ProcessorTime } from '../bench/processor-time.ts'
import { storedAccounts } from './accounts.ts'
import { type Differences, differencesIn } from './comparison.ts'
import { growthBetween } from './growth.ts'
import type { HostedStack } from './hosted.ts'
import { createPerson, type Person } from './person.ts'
import { lookUntil, type Remainder } from './remainder.ts'
import { type Sample, startSampling } from './samples.ts'
import { newTally, type Tally } from './tally.ts'
import { countThrottles } from './throttles.ts'
import { buildTown } from './town.ts'

/** Of one person, in milliseconds, on average: how long they are there and away, and how often they write while they are there. */
const pace = { there: 90_000, away: 30_000, write: 30_000 }
const arrivalMs = 15_000
const typingMs = 1_500
const share = { business: 0.15, group: 0.16, typing: 0.5 }
const pollMs = 250
/** Whatever was lost on the way comes again within 90 s. */
const settleMs = 150_000
const longestWarmUpMinutes = 1
/** Idle connections end after 10 s, push requests are held back for 10 s, a sweep comes every 15 s. */
const restMs = 30_000
/** Waited for after that, at most; agents who are away for two minutes would lose their chats. */
const longestMoreMs = 60_000
/** Until what came is acknowledged. */
const acknowledgedMs = 2_000

const around = (mean: number): number => -Math.log(1 - Math.random()) * mean
const oneOf = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)] as Item

/** 80 % to one, 15 % to a group, 5 % in business chats: customers are a fifth of all, and agents write there only. */
const choose = ({ direct, groups, business, isAgent }: Person['resident']): string | undefined => {
  if (isAgent) return business.length > 0 ? oneOf(business) : undefined
  if (business.length > 0 && Math.random() < share.business) return oneOf(business)
  return Math.random() < share.group && groups.length > 0 ? oneOf(groups) : oneOf(direct)
}

/** Waits; at once when the day is over. */
const rest = (milliseconds: number, over: AbortSignal): Promise<void> =>
  delay(Math.max(0, milliseconds), undefined, { signal: over }).catch(() => {})

/** Messages are due at random moments whatever became of those before, so an answer that is late holds none of them up. */
const write = async (person: Person, leavesAt: number, over: AbortSignal): Promise<void> => {
  for (let due = performance.now(); ; ) {
    due += around(pace.write)
    if (due > leavesAt) return rest(leavesAt - performance.now(), over)
    const conversationId = choose(person.resident)
    await rest(due - typingMs - performance.now(), over)
    if (over.aborted) return
    if (conversationId && Math.random() < share.typing) person.type(conversationId)
    await rest(due - performance.now(), over)
    if (over.aborted) return
    if (conversationId) person.say(conversationId, due)
  }
}

const live = async (person: Person, over: AbortSignal): Promise<void> => {
  if (!person.resident.isAgent) {
    const isAway = Math.random() > pace.there / (pace.there + pace.away)
    await rest(Math.random() * arrivalMs + (isAway ? around(pace.away) : 0), over)
  }
  while (!over.aborted) {
    person.come()
    void person.look()
    await write(
      person,
      person.resident.isAgent ? Number.POSITIVE_INFINITY : performance.now() + around(pace.there),
      over,
    )
    if (over.aborted) return
    await person.leave()
    await rest(around(pace.away), over)
  }
}

const until = async (isSo: () => boolean, patienceMs: number): Promise<boolean> => {
  const deadline = performance.now() + patienceMs
  while (!isSo() && performance.now() < deadline) await delay(pollMs)
  return isSo()
}

/** Of the time in which people lived. */
export interface Costs {
  readonly cpuSeconds: ProcessorTime
  readonly framesIn: number
  readonly framesOut: number
  readonly httpRequests: number
}

const costsUntilNow = async (stack: HostedStack): Promise<Costs> => {
  const units = (await stack.state())?.units
  return {
    cpuSeconds: stack.processorTime(),
    framesIn: units?.webSocketMessagesIn ?? Number.NaN,
    framesOut: units?.webSocketMessagesOut ?? Number.NaN,
    httpRequests: units?.httpRequests ?? Number.NaN,
  }
}

const costsBetween = (before: Costs, after: Costs): Costs => ({
  cpuSeconds: {
    host: after.cpuSeconds.host - before.cpuSeconds.host,
    postgres: after.cpuSeconds.postgres - before.cpuSeconds.postgres,
    redis: after.cpuSeconds.redis - before.cpuSeconds.redis,
  },
  framesIn: after.framesIn - before.framesIn,
  framesOut: after.framesOut - before.framesOut,
  httpRequests: after.httpRequests - before.httpRequests,
})

export interface Day {
  readonly tally: Tally
  readonly samples: readonly Sample[]
  readonly differences: Differences
  /** Messages that came again, and that overtook others. */
  readonly repeated: number
  readonly overtaken: number
  /** Whether everybody was there and everything accepted in the end, and how long it took until everybody held everything. */
  readonly isComplete: boolean
  readonly settledMs: number
  /** Refused by limits of rates. */
  readonly throttles: number
  /** When nobody is there, after the warm-up and at the end. */
  readonly before: Remainder
  readonly after: Remainder
  readonly hadOutages: boolean
  /** What it took; undefined of a day with trouble, whose processes have not lived through it. */
  readonly costs: Costs | undefined
}

/**
 * So many people live for so long: they come and go, write, type and read. Then all of them come, and once they hold what they
 * lacked, or 150 s later, what they saw is compared with what is stored, the warm-up included. At last all of them leave. Before the day
 * the same people live for a minute and leave, so that the end is compared with a beginning that has code loaded, connections open and caches
 * filled. Where the host was killed meanwhile, the one of the end is compared with the first: what that one kept is gone with it, so
 * it is what has come together since the last kill that is judged.
 * @param trouble Works beside them; the day is not over before it is at its end.
 */
export const liveOneDay = async (
  stack: HostedStack,
  { users, minutes }: { users: number; minutes: number },
  tell: (line: string) => void,
  trouble?: () => Promise<void>,
): Promise<Day> => {
  tell(`${users} people get to know each other …`)
  const town = await buildTown(stack, users)
  const tally = newTally()
  const known = new Map<string, string>()
  const people = town.residents.map((resident, number) => createPerson(stack, tally, { resident, number, known }))
  const agents = people.filter(({ resident }) => resident.isAgent)
  const liveFor = async (minutes: number, beside?: Promise<void>): Promise<void> => {
    const ended = new AbortController()
    setMaxListeners(0, ended.signal)
    const lives = people.map(person => live(person, ended.signal))
    await Promise.all([delay(minutes * 60_000), beside])
    ended.abort()
    await Promise.all(lives)
  }
  const everybodyComes = (): Promise<boolean> => {
    for (const person of people) person.come()
    return until(() => people.every(({ isReady, unsent }) => isReady && unsent === 0), settleMs)
  }

  const hadOutages = trouble !== undefined

  tell('They warm up …')
  for (const agent of agents) agent.come()
  await until(() => agents.every(({ isReady }) => isReady), settleMs)
  await town.openBusinessChats()
  await liveFor(Math.min(minutes, longestWarmUpMinutes))
  if (!(await everybodyComes())) throw new Error('The warm-up did not come to its end')
  await delay(acknowledgedMs)
  await Promise.all(people.map(person => person.leave()))
  await delay(restMs)
  const before = await lookUntil(
    stack,
    longestMoreMs,
    remainder => growthBetween(remainder, remainder, false).length === 0,
  )
  Object.assign(tally, newTally())

  const sampling = startSampling({ stack, people, tally, everyMs: Math.max(5_000, (minutes * 60_000) / 20), tell })
  const costsBefore = await costsUntilNow(stack)
  await liveFor(minutes, trouble?.())
  const costsAfter = await costsUntilNow(stack)

  tell('Everybody comes …')
  const endedAt = performance.now()
  const isComplete = await everybodyComes()
  const store = await messagesOf(stack)
  const compare = async (): Promise<Differences> => differencesIn(await storedAccounts(store, people))
  let differences = await compare()
  while (differences.missing > 0 && performance.now() - endedAt < settleMs) {
    await delay(2_000)
    differences = await compare()
  }
  const settledMs = performance.now() - endedAt
  await store.db.destroy()
  await sampling.stop()

  tell('Everybody leaves …')
  await Promise.all(people.map(person => (isComplete ? person.leave() : undefined)))
  await delay(restMs)
  const after = await lookUntil(
    stack,
    longestMoreMs,
    remainder => growthBetween(before, remainder, hadOutages).length === 0,
  )
  const received = people.flatMap(person => [...person.received.values()])
  return {
    tally,
    samples: sampling.samples,
    differences,
    repeated: received.reduce((sum, { repeated }) => sum + repeated, 0),
    overtaken: received.reduce((sum, { overtaken }) => sum + overtaken, 0),
    isComplete,
    settledMs,
    throttles: await countThrottles(stack),
    before,
    after,
    hadOutages,
    costs: hadOutages ? undefined : costsBetween(costsBefore, costsAfter),
  }
}
