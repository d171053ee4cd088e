import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freePort } from '../../infra/local/free-port.ts'
import { repository } from '../../infra/local/local-directory.ts'
import { testStack } from '../support/stack.ts'
import { testSecret, tokenFor } from '../support/tokens.ts'

interface Ended {
  code: number
  said: string
}

const program = join(repository, 'infra', 'verify', 'verify.ts')

/** `npm run verify` with these arguments, from its start to its end. */
const verify = (args: readonly string[], variables: Record<string, string> = {}): Promise<Ended> =>
  new Promise(resolve => {
    const env = { PATH: process.env.PATH, NO_COLOR: '1', ...variables }
    execFile(process.execPath, [program, ...args], { cwd: repository, env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, said: stdout + stderr })
    })
  })

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kaha-chat-verify-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** A file as `cdk deploy --outputs-file` writes it. */
const outputsOf = async (stacks: Record<string, Record<string, string>>): Promise<string> => {
  const file = join(directory, `${Object.keys(stacks).join('-')}.json`)
  await writeFile(file, JSON.stringify(stacks))
  return file
}

const addresses = () => {
  const { HttpApiUrl, WebSocketUrl } = testStack().outputs
  return { HttpApiUrl, WebSocketUrl, AuditTableName: 'Audit' }
}

/** The titles of the rows in that state. */
const titles = (said: string, state: string): string[] =>
  said.split('\n').flatMap(line => (line.startsWith(`${state} `) ? [line.slice(state.length).trim()] : []))

/** Prints a token of another user each time. */
const tokenCommand = ['--token-command', 'eval echo "\\$TOKEN_$USER_NUMBER"']

test('a stack passes by the outputs that it has written itself on this machine, and by those of a deployment and a command for tokens', async () => {
  const deployed = await outputsOf({ 'KahaChat-dev': addresses(), 'KahaChat-prod': addresses() })
  const tokens = { TOKEN_1: await tokenFor(randomUUID()), TOKEN_2: await tokenFor(randomUUID()) }
  const [{ code, said }, byCommand] = await Promise.all([
    verify(['--outputs', testStack().directory.outputs]),
    verify(['--outputs', deployed, '--stack', 'KahaChat-dev', ...tokenCommand], tokens),
  ])
  expect([titles(said, 'failed'), titles(byCommand.said, 'failed')]).toEqual([[], []])
  expect([code, byCommand.code]).toEqual([0, 0])
  expect(titles(byCommand.said, 'not applicable').filter(title => title.includes('JWT_SECRET'))).toHaveLength(2)
  const passed = titles(said, 'passed').join('\n')
  for (const title of [
    'Every store is up',
    'The API documents are those of this working copy',
    'A ticket opens one socket',
    'A socket whose token has run out is closed',
    'A message is acknowledged, and the other one gets it at once',
    'Who is connected is online, and offline soon after',
    'What was sent to who is offline comes with the next connect',
    'Its sender deletes a message for both',
  ]) {
    expect(passed).toContain(title)
  }
  expect(titles(said, 'found').join('\n')).toMatch(/compresses frames .* \(no\)/)
  expect(titles(said, 'not applicable').join('\n')).toContain('--slow')
}, 60_000)

describe('a stack that was deployed', () => {
  test('is not looked at when it is not said which, nor with a command that gives no tokens of two users', async () => {
    const outputs = await outputsOf({ 'KahaChat-dev': addresses(), 'KahaChat-prod': addresses() })
    const token = await tokenFor(randomUUID())
    const several = await verify(['--outputs', outputs, '--token-command', 'echo'])
    expect(several).toEqual({
      code: 2,
      said: expect.stringContaining('--stack takes one of KahaChat-dev, KahaChat-prod'),
    })
    const one = ['--outputs', outputs, '--stack', 'KahaChat-dev']
    const noToken = await verify([...one, '--token-command', 'echo no token'])
    expect(noToken).toEqual({ code: 2, said: expect.stringContaining('--token-command prints a JWT') })
    const sameUser = await verify([...one, ...tokenCommand], { TOKEN_1: token, TOKEN_2: token })
    expect(sameUser).toEqual({ code: 2, said: expect.stringContaining('the same user twice') })
  })

  test('is not looked at without tokens', async () => {
    const outputs = await outputsOf({ Alone: addresses() })
    expect(await verify(['--outputs', outputs])).toEqual({ code: 2, said: expect.stringContaining('JWT_SECRET') })
  })

  test('that does not take the tokens fails, and it is said what may be wrong', async () => {
    const outputs = await outputsOf({ Other: addresses() })
    const { code, said } = await verify(['--outputs', outputs], {
      JWT_SECRET: 'the secret of another stage, long enough',
    })
    expect(code).toBe(1)
    expect(titles(said, 'failed')).toEqual([expect.stringContaining('is the secret the one of the stage')])
  })

  test('whose WebSocket API does not answer fails there, and passes where it does', async () => {
    const outputs = await outputsOf({ Halved: { ...addresses(), WebSocketUrl: `ws://127.0.0.1:${await freePort()}` } })
    const { code, said } = await verify(['--outputs', outputs], { JWT_SECRET: testSecret })
    expect(code).toBe(1)
    expect(titles(said, 'failed')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^Both connect .*ECONNREFUSED/)]),
    )
    expect(titles(said, 'passed')).toContain('Without a valid token the HTTP API answers nobody')
  })

  test('that does not answer fails at once', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`
    const outputs = await outputsOf({ Gone: { HttpApiUrl: nowhere, WebSocketUrl: nowhere.replace('http', 'ws') } })
    const { code, said } = await verify(['--outputs', outputs], { JWT_SECRET: testSecret })
    expect(code).toBe(1)
    expect(titles(said, 'failed')).toEqual([expect.stringMatching(/^The service answers at .*ECONNREFUSED/)])
    expect(titles(said, 'not applicable')).toEqual(['Everything else (it needs what has failed)'])
  })

  test('whose stores are down fails, and it is said which', async () => {
    await using started = new AsyncDisposableStack()
    const server = createServer((request, response) => {
      const isReadiness = request.url === '/health/ready'
      response.writeHead(isReadiness ? 503 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(isReadiness ? { stores: { postgres: 'down', redis: 'up' } } : { status: 'ok' }))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    started.defer(async () => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const outputs = await outputsOf({ Ill: { HttpApiUrl: url, WebSocketUrl: url.replace('http', 'ws') } })
    const { code, said } = await verify(['--outputs', outputs], { JWT_SECRET: testSecret })
    expect(code).toBe(1)
    expect(titles(said, 'failed')).toEqual([expect.stringMatching(/^Every store is up .*"postgres":"down"/)])
  })
})
