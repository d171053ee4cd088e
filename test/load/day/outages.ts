import { setTimeout as delay } from 'node:timers/promises'
import type { HostedStack } from './hosted.ts'

interface Outage {
  readonly name: string
  readonly begin: () => unknown
  readonly end: () => unknown
}

const outageMs = 12_000
const longestPauseMs = 3 * 60_000

const outagesOf = (stack: HostedStack): Outage[] => [
  { name: 'Redis is killed, and comes back empty', begin: stack.redis.kill, end: stack.redis.start },
  { name: 'Postgres is killed', begin: stack.postgres.kill, end: stack.postgres.start },
  { name: 'SQS answers errors', ...switched(isAway => stack.state({ sqsIsUnavailable: isAway })) },
  { name: 'the host is killed', begin: stack.killHost, end: stack.startHost },
  { name: 'Redis is frozen', ...switched(stack.freezeRedis) },
  {
    name: 'the main service fails',
    ...switched(isAway => stack.mainService.behave(isAway ? 'failing' : 'right')),
  },
]

const switched = (set: (isAway: boolean) => unknown): Pick<Outage, 'begin' | 'end'> => ({
  begin: () => set(true),
  end: () => set(false),
})

/**
 * Takes one thing after the other away for twelve seconds, for so many minutes: each of them once at least, and one every three
 * minutes at most. In the end everything is there.
 */
export const causeOutages = async (
  stack: HostedStack,
  minutes: number,
  tell: (line: string) => void,
): Promise<void> => {
  const outages = outagesOf(stack)
  const everyMs = Math.min(longestPauseMs, (minutes * 60_000) / (outages.length + 0.5))
  const startedAt = performance.now()
  for (let number = 0; number < outages.length || (number + 1) * everyMs < minutes * 60_000; number += 1) {
    const due = startedAt + (number + 0.5) * everyMs
    await delay(Math.max(0, due - performance.now()))
    const { name, begin, end } = outages[number % outages.length] as Outage
    tell(`   ${name} …`)
    await begin()
    await delay(outageMs)
    await end()
    tell('   … and is back')
  }
}
