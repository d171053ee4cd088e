import { cpus, loadavg } from 'node:os'
import { percentile } from '../bench/statistics.ts'
import type { Costs, Day } from './day.ts'
import { growthBetween } from './growth.ts'
import { lateMs } from './tally.ts'

const quantiles = (times: readonly number[]): string =>
  `${[0.5, 0.99, 1].map(share => percentile(times, share).toFixed(0)).join(', ')} ms (p50, p99, longest)`

/** What is wrong with a day; empty when nothing is. */
export const complaintsAbout = ({ differences, isComplete, throttles, before, after, hadOutages }: Day): string[] => [
  ...Object.entries(differences)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name}: ${count}`),
  ...(isComplete ? [] : ['not everybody came back, or not everything was accepted']),
  ...(throttles === 0 ? [] : [`limits of rates refused ${throttles} requests, frames or handshakes`]),
  ...growthBetween(before, after, hadOutages),
]

const costLine = ({ cpuSeconds: { host, postgres, redis }, framesIn, framesOut, httpRequests }: Costs): string =>
  `CPU s: host ${host.toFixed(0)}, Postgres ${postgres.toFixed(0)}, Redis ${redis.toFixed(0)}; ` +
  `frames from clients: ${framesIn}, to them: ${framesOut}; HTTP requests: ${httpRequests}`

export const summaryOf = (day: Day): string => {
  const { tally, samples, differences, repeated, overtaken, settledMs, throttles, before, after, costs } = day
  const refused = [...tally.refusedSends].map(([code, count]) => `${code} ${count}`).join(', ')
  const [first] = samples
  return [
    `\n${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}, load average ${loadavg()[0]?.toFixed(1)}`,
    `${tally.sent} sent, ${tally.accepted} accepted, ${tally.deliveries} received, ${tally.arrivals} connections, ` +
      `${tally.typed} × typing, ${tally.read} × read, ${tally.pages} pages (${tally.refusedPages} refused)`,
    `sockets that closed by themselves: ${tally.closedSockets}, refused handshakes: ${tally.refusedHandshakes}, ` +
      `attempts to send that were repeated: ${refused || 'none'}, refused by limits of rates: ${throttles}`,
    `send → ack: ${quantiles(samples.flatMap(({ ackTimes }) => ackTimes))}`,
    `send → delivered: ${quantiles(samples.flatMap(({ deliveryTimes }) => deliveryTimes))} to those who were there`,
    `late (over ${lateMs} ms): ${tally.late}; came again: ${repeated}; overtook others: ${overtaken}`,
    ...(costs ? [costLine(costs)] : []),
    `most queued jobs at a sample: ${Math.max(...samples.map(({ backlog }) => backlog || 0))}`,
    `host's heaps MB: ${before.heapMb.toFixed(1)} before, ${after.heapMb.toFixed(1)} after; ` +
      `resident MB: ${before.hostMb.toFixed(0)} before, ${first?.hostMb.toFixed(0)} at the first sample, ` +
      `${Math.max(...samples.map(({ hostMb }) => hostMb || 0)).toFixed(0)} at most, ${after.hostMb.toFixed(0)} after`,
    `Redis MB: ${before.redisMb.toFixed(1)} before, ${after.redisMb.toFixed(1)} after; ` +
      `its clients: ${before.redisClients} before, ${after.redisClients} after; ` +
      `Postgres backends: ${before.postgresBackends} before, ${after.postgresBackends} after`,
    `sockets at the end: ${after.sockets}; users with connections in Redis: ${after.registered}, keys without an end: ${after.endless}`,
    `everybody held everything after ${(settledMs / 1_000).toFixed(0)} s; seen against stored: ` +
      Object.entries(differences)
        .map(([name, count]) => `${name} ${count}`)
        .join(', '),
  ].join('\n')
}
