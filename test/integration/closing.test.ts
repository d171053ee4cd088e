import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'

/** Passes everything on to Postgres, and keeps what the client sent last. */
let proxy: Server
let lastSent = Buffer.alloc(0)
beforeAll(async () => {
  const { hostname, port } = new URL(process.env.TEST_DATABASE_URL ?? '')
  proxy = createServer((client: Socket) => {
    const server = connect(Number(port), hostname)
    client.on('data', data => (lastSent = data))
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) socket.on('error', () => {})
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
})
afterAll(() => void proxy.close())

const program = `
  const { sql } = await import('kysely')
  const { databaseFromEnvironment } = await import('./shared/database/connection.ts')
  const { redisFromEnvironment } = await import('./shared/redis/connection.ts')
  await sql\`select 1\`.execute(databaseFromEnvironment())
  await redisFromEnvironment().get('nothing')
  process.stdout.write('connected')
  setInterval(() => {}, 1_000)`

test('a process that is told to end takes leave of Postgres and Redis, and ends by itself', async () => {
  const databaseUrl = new URL(process.env.TEST_DATABASE_URL ?? '')
  databaseUrl.port = String((proxy.address() as { port: number }).port)
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, DATABASE_URL: databaseUrl.href, REDIS_URL: process.env.TEST_REDIS_URL, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  // Postgres' message by which a client says that it is going.
  expect([...lastSent]).toEqual([...Buffer.from('X'), 0, 0, 0, 4])
})
