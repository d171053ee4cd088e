import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { freePort } from '../../../infra/local/free-port.ts'
import { processIdentity } from '../../../infra/local/process-identity.ts'
import { removePostgres, startPostgres } from '../../../infra/local/stores/postgres.ts'
import { asPostgresUser } from '../../../infra/local/stores/postgres-binaries.ts'
import type { Store } from '../../../infra/local/stores/store.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
const asRoot = isRoot ? test : test.skip

const query = async (url: string, text: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

describe('Postgres of the local host', () => {
  let directory: string
  let logFile: string
  let running: Store[] = []
  const start = async (port?: number): Promise<Store> => {
    const store = await startPostgres({ directory: join(directory, 'postgres'), port, logFile, log: () => {} })
    running.push(store)
    return store
  }

  beforeAll(async () => {
    directory = await temporaryDirectory()
    logFile = join(directory, 'postgres.log')
  })
  afterEach(async () => {
    await Promise.all(running.map(store => store.stop()))
    running = []
  })

  test('starts below a directory that is closed to others, for a role that owns its database and is no superuser', async () => {
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    const { url, title } = await start()

    expect(title).toMatch(/^Postgres 18\.\d+$/)
    const role = 'select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user'
    expect(await query(url, role)).toEqual([{ rolsuper: false, rolcreatedb: true, rolcreaterole: false }])
    expect(await query(url, `select lower('ÄÖ') as lower, 'a' < 'B' as by_letter`)).toEqual([
      { lower: 'äö', by_letter: false },
    ])
  })

  test('is durable, listens on 127.0.0.1 alone and knows its users by password', async () => {
    const { url } = await start()
    const names = ['fsync', 'synchronous_commit', 'listen_addresses', 'max_connections']
    const settings = await query(url, `select name, setting from pg_settings where name in ('${names.join("','")}')`)
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      listen_addresses: '127.0.0.1',
      max_connections: '200',
    })
    expect((await stat(join(directory, 'postgres', 'password'))).mode & 0o777).toBe(0o600)

    const wrong = new URL(url)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  })

  test('keeps its data and its port when it is stopped and started again', async () => {
    const first = await start()
    await query(first.url, 'create table kept (n int)')
    await first.stop()
    expect(processIdentity(first.pid)).toBeUndefined()

    const second = await start(first.port)
    expect(second.url).toBe(first.url)
    expect(await query(second.url, 'select count(*)::int as count from kept')).toEqual([{ count: 0 }])
  })

  test('has after SIGKILL what was committed before', async () => {
    const first = await start()
    await query(first.url, 'create table committed as select 7 as n')
    await first.kill()
    expect(await first.ended).toBe('SIGKILL')

    const { url } = await start()
    expect(await query(url, 'select n from committed')).toEqual([{ n: 7 }])
  })

  test('starts when the process number in a lock that a crash left now belongs to somebody else', async () => {
    const first = await start()
    const lock = join(directory, 'postgres', 'data', 'postmaster.pid')
    const lines = (await readFile(lock, 'utf8')).split('\n')
    await first.kill()
    await writeFile(lock, [process.pid, ...lines.slice(1)].join('\n'))

    const { url } = await start()
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test('ends a Postgres that still runs on its data, although nobody remembers it', async () => {
    const forgotten = await start()
    await writeFile(join(directory, 'postgres', 'process.json'), '')

    const { url } = await start()
    expect(processIdentity(forgotten.pid)).toBeUndefined()
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test('says why it can not start, in the words of its log', async () => {
    const taken = createServer()
    const port = await freePort()
    await new Promise<void>(resolve => taken.listen(port, '127.0.0.1', resolve))
    await expect(start(port)).rejects.toThrow(/Postgres ended \(exit code 1\).*Address already in use/s)
    taken.close()
  })

  test('is gone after its data was removed', async () => {
    const { pid } = await start()
    await removePostgres(join(directory, 'postgres'))
    expect(processIdentity(pid)).toBeUndefined()
    await expect(stat(join(directory, 'postgres'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  asRoot('finds its binaries below a directory that is closed to others', async () => {
    const binary = join(directory, 'binary')
    await writeFile(binary, '', { mode: 0o755 })
    // As Postgres looks for them: by access(2), which goes by the real user.
    const look = `fs.accessSync(${JSON.stringify(binary)}, fs.constants.X_OK); console.log(process.getuid())`
    const { command, args } = asPostgresUser(process.execPath, ['-e', look])
    expect((await run(command, args)).stdout).toBe('65534\n')
  })

  asRoot('runs as a user who is not root, too', async () => {
    const own = await temporaryDirectory()
    await run('chown', ['65534:65534', own])
    const program = new URL('./fixtures/start-and-stop-postgres.ts', import.meta.url).pathname
    // So that it can reach this repository wherever it lies.
    const caps = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup']
    const user = ['--reuid=65534', '--regid=65534', '--clear-groups', ...caps]
    const { stdout } = await run('setpriv', [...user, process.execPath, program, own], { timeout: 20_000, env: {} })
    expect(stdout).toBe('65534 Postgres 18.4\n')
  })
})
