import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const linuxIdentity = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name stands in brackets and may hold anything; the 3rd field (state) follows it, the 22nd is the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return undefined
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`
  } catch {
    return undefined
  }
}

const ps = (pid: number, columns: string): string =>
  spawnSync('ps', ['-ww', '-o', columns, '-p', String(pid)], { encoding: 'utf8', timeout: 2_000 }).stdout?.trim() ?? ''

const psIdentity = (pid: number): string | undefined => {
  const [state = '', ...start] = ps(pid, 'stat=,lstart=').split(/\s+/)
  return start.length === 0 || state.startsWith('Z') ? undefined : start.join(' ')
}

/**
 * What tells a process from a later one with the same number: when it started. Undefined when there is none, or only a
 * zombie. Processes are ended by number and identity together, never by number alone.
 */
export const processIdentity = (pid: number): string | undefined =>
  process.platform === 'linux' ? linuxIdentity(pid) : psIdentity(pid)

export interface ProcessReference {
  readonly pid: number
  readonly identity: string
}

export const isRunning = ({ pid, identity }: ProcessReference): boolean => processIdentity(pid) === identity

/** The program of a process and its arguments, separated by spaces; empty when there is no such process. */
export const commandLine = (pid: number): string => {
  if (process.platform !== 'linux') return ps(pid, 'command=')
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}
