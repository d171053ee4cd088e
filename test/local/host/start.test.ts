import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { freePort, isPortFree } from '../../../infra/local/free-port.ts'
import { repository } from '../../../infra/local/local-directory.ts'
import { isRunning, type ProcessReference } from '../../../infra/local/process-identity.ts'
import { withDescendants } from '../stores/descendants.ts'
import { temporaryDirectory } from '../stores/temporary-directory.ts'
import { until } from '../stores/until.ts'

const run = promisify(execFile)
const stopTimeoutMs = 5_000

interface Started {
  readonly npm: ChildProcessByStdio<null, Readable, null>
  readonly output: string
  /** npm and everything below it. */
  readonly processes: ProcessReference[]
}

describe('npm start', () => {
  let environment: Record<string, string | undefined>
  let ports: number[]
  let groups: number[] = []
  let messages: string
  let headers: Record<string, string>
  const masterKey = () => join(environment.LOCAL_DIR ?? '', 'content-master-key')

  beforeAll(async () => {
    ports = [await freePort(), await freePort()]
    environment = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      LOCAL_DIR: await temporaryDirectory(),
      PORT: String(ports[0]),
      WS_PORT: String(ports[1]),
    }
  })
  afterEach(() => {
    for (const group of groups) {
      try {
        process.kill(-group, 'SIGKILL')
      } catch {
        // It has ended, as it should have.
      }
    }
    groups = []
  })

  /** In a process group of its own, as a shell starts it; resolves when it has printed that text. */
  const start = async (ready = 'Try it'): Promise<Started> => {
    const npm = spawn('npm', ['start'], {
      cwd: repository,
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    const pid = npm.pid ?? 0
    groups.push(pid)
    let output = ''
    npm.stdout.setEncoding('utf8').on('data', text => (output += text))
    await until('it is up', () => output.includes(ready) || npm.exitCode !== null, 40_000)
    expect(output).toContain(ready)
    return { npm, output, processes: withDescendants(pid) }
  }
  const expectEnd = async ({ processes }: Started): Promise<void> => {
    await until('everything has ended', () => !processes.some(isRunning), stopTimeoutMs)
    expect(await Promise.all(ports.map(isPortFree))).toEqual([true, true])
  }

  test('prints a curl line that works, refuses to start twice, and leaves nothing behind when all of it is killed', async () => {
    const started = await start()
    expect(started.processes.length).toBeGreaterThan(5)
    const [curl = ''] = /^ {2}curl .*$/m.exec(started.output) ?? []
    const { stdout } = await run('sh', ['-c', curl.trim()], { env: environment, timeout: 10_000 })
    const conversation = JSON.parse(stdout)
    expect(conversation).toMatchObject({ type: 'direct', lastSeq: 0 })
    messages = `http://127.0.0.1:${ports[0]}/conversations/${conversation.id}/messages`
    headers = { authorization: /Bearer [^']+/.exec(curl)?.[0] ?? '', 'content-type': 'application/json' }
    const body = JSON.stringify({ content: 'From before the crash' })
    expect(await fetch(messages, { method: 'POST', headers, body })).toMatchObject({ status: 201 })
    expect((await stat(masterKey())).mode & 0o777).toBe(0o600)
    const outputs: unknown = JSON.parse(await readFile(join(environment.LOCAL_DIR ?? '', 'outputs.json'), 'utf8'))
    expect(outputs).toMatchObject({ HttpApiUrl: `http://127.0.0.1:${ports[0]}` })

    const second = run('npm', ['start'], { cwd: repository, env: environment, timeout: 20_000 })
    await expect(second).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        new RegExp(
          `already: process \\d+, HTTP API on port ${ports[0]}, WebSocket API on port ${ports[1]}[^]*LOCAL_DIR=\\S+ PORT=\\d+ WS_PORT=\\d+ npm start`,
        ),
      ),
    })
    const elsewhere = { ...environment, LOCAL_DIR: await temporaryDirectory() }
    const third = run('npm', ['start'], { cwd: repository, env: elsewhere, timeout: 20_000 })
    await expect(third).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `Port ${ports[0]} (HTTP API) is used by another program. Choose another one: PORT=`,
      ),
    })

    process.kill(-(started.npm.pid ?? 0), 'SIGKILL')
    await expectEnd(started)
  }, 90_000)

  test('starts again after that, reads the messages from before, and ends by SIGTERM to npm', async () => {
    const keyBefore = await readFile(masterKey(), 'utf8')
    const started = await start()
    expect(await readFile(masterKey(), 'utf8')).toBe(keyBefore)
    const answer = await fetch(messages, { headers })
    expect(await answer.json()).toMatchObject({ items: [{ content: 'From before the crash' }] })
    process.kill(started.npm.pid ?? 0, 'SIGTERM')
    await expectEnd(started)
  }, 60_000)

  test('ends in the middle of its start by Ctrl-C, which reaches all of its processes at once', async () => {
    const started = await start('Postgres 18')
    process.kill(-(started.npm.pid ?? 0), 'SIGINT')
    await expectEnd(started)
  }, 60_000)
})
