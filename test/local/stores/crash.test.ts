import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, test } from '@jest/globals'
import { isRunning } from '../../../infra/local/process-identity.ts'
import { withDescendants } from './descendants.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { until } from './until.ts'

const program = new URL('./fixtures/start-stores.ts', import.meta.url).pathname

/** A process, in a group of its own, that has started a Postgres and a Redis. */
const startHostProcess = async (directory: string) => {
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    env: { PATH: process.env.PATH },
  })
  const pid = child.pid ?? 0
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const { pids } = JSON.parse(line) as { pids: number[] }
  return { stores: pids, processes: withDescendants(pid), kill: () => process.kill(-pid, 'SIGKILL') }
}

describe('A host that is killed', () => {
  test('leaves no process behind, and the next one starts on the same data', async () => {
    const directory = await temporaryDirectory()
    const first = await startHostProcess(directory)
    expect(first.processes.map(({ pid }) => pid)).toEqual(expect.arrayContaining(first.stores))
    first.kill()
    await until('nothing of the first is left', () => !first.processes.some(isRunning), 5_000)

    const second = await startHostProcess(directory)
    second.kill()
    const third = await startHostProcess(directory)
    expect(second.processes.some(isRunning)).toBe(false)
    third.kill()
    await until('nothing of the third is left', () => !third.processes.some(isRunning), 5_000)
  })
})
