import { percentile } from '../bench/statistics.ts'
import type { HostedStack } from './hosted.ts'
import type { Person } from './person.ts'
import type { Tally } from './tally.ts'

/** What happened since the sample before. */
export interface Sample {
  readonly seconds: number
  readonly there: number
  readonly sent: number
  readonly deliveries: number
  readonly ackTimes: readonly number[]
  readonly deliveryTimes: readonly number[]
  readonly late: number
  /** Of the queues, and of the people. */
  readonly backlog: number
  readonly unsent: number
  readonly hostMb: number
}

const titles = ['s', 'there', 'sent', 'delivered', 'ack p50', 'p99 ms', 'delivered p50', 'p99 ms', 'late']
  .concat(['queued jobs', 'unsent', 'host MB'])
  .map(title => title.padStart(Math.max(8, title.length)))

const row = (sample: Sample): string => {
  const { seconds, there, sent, deliveries, ackTimes, deliveryTimes, late, backlog, unsent, hostMb } = sample
  const times = [ackTimes, deliveryTimes].flatMap(some => [percentile(some, 0.5), percentile(some, 0.99)])
  const values = [seconds, there, sent, deliveries, ...times, late, backlog, unsent, hostMb]
  return values
    .map((value, index) => (Number.isNaN(value) ? '–' : value.toFixed(0)).padStart(titles[index]?.length ?? 0))
    .join(' ')
}

/** Looks every so often and shows a line each time; `stop` takes the last sample. */
export const startSampling = (options: {
  stack: HostedStack
  people: readonly Person[]
  tally: Tally
  everyMs: number
  tell: (line: string) => void
}): { samples: readonly Sample[]; stop: () => Promise<void> } => {
  const { stack, people, tally, everyMs, tell } = options
  const samples: Sample[] = []
  const startedAt = performance.now()
  let last = { sent: 0, deliveries: 0, late: 0 }
  tell(titles.join(' '))
  const take = async (): Promise<void> => {
    const state = await stack.state()
    const { sent, deliveries, late, ackTimes, deliveryTimes } = tally
    Object.assign(tally, { ackTimes: [], deliveryTimes: [] })
    const sample: Sample = {
      seconds: (performance.now() - startedAt) / 1_000,
      there: people.filter(({ isReady }) => isReady).length,
      sent: sent - last.sent,
      deliveries: deliveries - last.deliveries,
      late: late - last.late,
      ackTimes,
      deliveryTimes,
      backlog: state?.backlog ?? Number.NaN,
      unsent: people.reduce((sum, { unsent }) => sum + unsent, 0),
      hostMb: state?.residentMb ?? Number.NaN,
    }
    last = { sent, deliveries, late }
    samples.push(sample)
    tell(row(sample))
  }
  const timer = setInterval(() => void take(), everyMs)
  return {
    samples,
    stop: async () => {
      clearInterval(timer)
      await take()
    },
  }
}
