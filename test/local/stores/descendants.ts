import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { type ProcessReference, processIdentity } from '../../../infra/local/process-identity.ts'

const linuxParents = (): [number, number][] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap((name): [number, number][] => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]]
      } catch {
        return []
      }
    })

const psParents = (): [number, number][] =>
  execFileSync('ps', ['-axo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number) as [number, number])

/** A process with its children, their children and so on. */
export const withDescendants = (pid: number): ProcessReference[] => {
  const parents = process.platform === 'linux' ? linuxParents() : psParents()
  const below = (parent: number): number[] =>
    parents.flatMap(([child, itsParent]) => (itsParent === parent ? [child, ...below(child)] : []))
  return [pid, ...below(pid)].flatMap(each => {
    const identity = processIdentity(each)
    return identity === undefined ? [] : [{ pid: each, identity }]
  })
}
