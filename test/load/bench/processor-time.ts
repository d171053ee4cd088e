import { readFileSync } from 'node:fs'
import { withDescendants } from '../../local/stores/descendants.ts'

/** Seconds of processor time that the parts of a stack have used since they started. */
export interface ProcessorTime {
  host: number
  postgres: number
  redis: number
}

const ticksPerSecond = 100

/** Its own ticks, and those of its children that have ended (proc(5), fields 14 to 17 of `stat`). */
const ticksOf = (pid: number): { program: string; own: number; ended: number } => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const program = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15)
    return { program, own: user + system, ended: endedUser + endedSystem }
  } catch {
    return { program: '', own: 0, ended: 0 }
  }
}

/** Of the host of this process number and the servers that it has started. Linux only: elsewhere all zero. */
export const processorTime = (hostPid: number): ProcessorTime => {
  const time: ProcessorTime = { host: 0, postgres: 0, redis: 0 }
  if (process.platform !== 'linux') return time
  for (const { pid } of withDescendants(hostPid)) {
    const { program, own, ended } = ticksOf(pid)
    const isPostgres = program.startsWith('postgres')
    const part = isPostgres ? 'postgres' : /^(redis|valkey)/.test(program) ? 'redis' : 'host'
    // Postgres ends a process for each connection that is closed.
    time[part] += (own + (isPostgres ? ended : 0)) / ticksPerSecond
  }
  return time
}

/** What was used between two readings, for each 1,000 pieces of work. */
export const perThousand = (before: ProcessorTime, after: ProcessorTime, pieces: number): Record<string, number> => {
  const share = (part: keyof ProcessorTime) => ((after[part] - before[part]) * 1_000) / pieces
  const [host, postgres, redis] = [share('host'), share('postgres'), share('redis')]
  return {
    'CPU s/1,000': host + postgres + redis,
    'of which host': host,
    'of which Postgres': postgres,
    'of which Redis': redis,
  }
}
