import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb'
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Cluster } from 'ioredis'
import { decodeJwt, jwtVerify } from 'jose'
import pg from 'pg'
import { freePort, isPortFree } from '../../../infra/local/free-port.ts'
import { type Host, PortInUse, startHost } from '../../../infra/local/host.ts'
import { type LocalDirectory, localDirectoryAt, repository } from '../../../infra/local/local-directory.ts'
import { AlreadyRunning } from '../../../infra/local/running-stack.ts'
import { localDynamoDbClient } from '../../../infra/local/stores/dynamodb.ts'
import { sqsClient } from '../queues/sqs-client.ts'
import { temporaryDirectory } from '../stores/temporary-directory.ts'
import { until } from '../stores/until.ts'
import { fixtureTopology } from './fixtures/topology.ts'

const run = promisify(execFile)

const query = async (url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}

describe('The local host', () => {
  let directory: LocalDirectory
  let host: Host
  let ports: { httpPort: number; webSocketPort: number }

  beforeAll(async () => {
    directory = localDirectoryAt(await temporaryDirectory())
    ports = { httpPort: await freePort(), webSocketPort: await freePort() }
    host = await startHost({ directory, topology: fixtureTopology, ...ports, settings: { EXTRA: 'yes' } })
  }, 30_000)
  afterAll(() => host?.stop())

  const recorded = async (text: string): Promise<number> => {
    const [row] = await query(host.outputs.DatabaseUrl, 'select count(*)::int as count from recorded where text = $1', [
      text,
    ])
    return Number(row?.count)
  }

  test('writes its addresses to outputs.json, for its owner only', async () => {
    expect(JSON.parse(await readFile(directory.outputs, 'utf8'))).toEqual({
      HttpApiUrl: `http://127.0.0.1:${ports.httpPort}`,
      WebSocketUrl: `ws://127.0.0.1:${ports.webSocketPort}`,
      PlaygroundUrl: `http://127.0.0.1:${ports.httpPort}/playground`,
      DatabaseUrl: expect.stringMatching(/^postgresql:\/\/kaha_chat:[\w-]{43}@127\.0\.0\.1:\d+\/kaha_chat$/),
      RedisUrl: expect.stringMatching(/^redis:\/\/127\.0\.0\.1:\d+$/),
      NoticesQueueUrl: host.sqs.queueUrl('Notices'),
    })
    for (const file of [directory.outputs, directory.running, directory.jwtSecret]) {
      expect((await stat(file)).mode & 0o777).toBe(0o600)
    }
  })

  test('gives a function the variables of what it uses, and no others', async () => {
    const response = await fetch(`${host.outputs.HttpApiUrl}/environment`)
    const { environment } = (await response.json()) as { environment: Record<string, string> }
    expect(environment).toMatchObject({
      STAGE: 'local',
      POWERTOOLS_SERVICE_NAME: 'kaha-chat',
      POWERTOOLS_METRICS_NAMESPACE: 'KahaChat',
      DATABASE_URL: host.outputs.DatabaseUrl,
      DATABASE_AUTH: 'url',
      DATABASE_TLS: 'off',
      DATABASE_STATEMENTS: 'named',
      REDIS_URL: host.outputs.RedisUrl,
      WEBSOCKET_API_ENDPOINT: host.gateway.connectionsUrl,
      JWT_SECRET: host.jwtSecret,
      SOME_JOBS_QUEUE_URL: host.sqs.queueUrl('SomeJobs'),
      AUDIT_TABLE_NAME: 'Audit',
      EXTRA: 'yes',
    })

    const { payload } = await host.invoke('WorkerFunction', { echo: 1 })
    const names = Object.keys((payload as { environment: object }).environment)
    expect(names).toContain('DATABASE_URL')
    expect(names).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/REDIS|JWT|WEBSOCKET|QUEUE|TABLE|ENDPOINT/)]),
    )
  })

  test('has the tables of the topology where its functions look for them', async () => {
    const { payload } = await host.invoke('ApiFunction', { echo: 1 })
    const { environment } = payload as { environment: Record<string, string> }
    const client = localDynamoDbClient(String(environment.AWS_ENDPOINT_URL_DYNAMODB))
    const { Table } = await client.send(new DescribeTableCommand({ TableName: environment.AUDIT_TABLE_NAME }))
    expect(Table?.TableStatus).toBe('ACTIVE')
    client.destroy()
  })

  test('brings what is sent to a queue to its function', async () => {
    await sqsClient().send(new SendMessageCommand({ QueueUrl: host.sqs.queueUrl('SomeJobs'), MessageBody: 'job 1' }))
    await until('the job is recorded', async () => (await recorded('job 1')) === 1)
  })

  test('keeps what is sent to a queue of another service for its reader', async () => {
    const client = sqsClient()
    const QueueUrl = host.outputs.NoticesQueueUrl
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'notice 1' }))
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }))
    expect(Messages).toMatchObject([{ Body: 'notice 1' }])
  })

  test('fires its schedules soon after the start', async () => {
    await until('the tick is recorded', async () => (await recorded('tick')) === 1)
  })

  test('runs a function once when asked to', async () => {
    expect(await host.invoke('WorkerFunction', { echo: [1] })).toMatchObject({ outcome: 'ok', payload: { echo: [1] } })
    expect(await host.invoke('WorkerFunction', { fail: 'on purpose' })).toMatchObject({
      outcome: 'error',
      errorType: 'RangeError',
      errorMessage: 'on purpose',
    })
    const log = await readFile(join(directory.logs, 'functions.log'), 'utf8')
    expect(log).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z WorkerFunction host .*on purpose/m)
  })

  const cli = (program: string, ...args: string[]) =>
    run(process.execPath, [join(repository, 'infra/local', program), ...args], {
      env: { LOCAL_DIR: directory.path },
      timeout: 20_000,
    })

  test('runs a function for another process, which ends with 1 when the function fails', async () => {
    const { stdout } = await cli('invoke.ts', 'WorkerFunction', '{"echo":"hello"}')
    expect(JSON.parse(stdout)).toMatchObject({ echo: 'hello' })
    expect((await cli('invoke.ts', 'TickFunction')).stdout).toBe('null\n')

    await expect(cli('invoke.ts', 'WorkerFunction', '{"fail":"on purpose"}')).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('"errorMessage": "on purpose"'),
    })
    await expect(cli('invoke.ts', 'NoFunction')).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('There is no function NoFunction'),
    })
    await expect(cli('invoke.ts', 'WorkerFunction', '{oops')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not JSON'),
    })
  })

  test('counts what AWS would bill', async () => {
    const before = host.units()
    await host.invoke('WorkerFunction', { echo: 1 })
    await sqsClient().send(new SendMessageCommand({ QueueUrl: host.sqs.queueUrl('SomeJobs'), MessageBody: 'counted' }))
    await until('the record is worked on', async () => (await recorded('counted')) === 1)
    const after = host.units()
    expect(after.invocations - before.invocations).toBeGreaterThanOrEqual(2)
    expect(after.sqsRequests - before.sqsRequests).toBeGreaterThanOrEqual(2)
    const worker = (units: typeof after) => units.byFunction.WorkerFunction?.invocations ?? 0
    expect(worker(after) - worker(before)).toBeGreaterThanOrEqual(1)
  })

  test('lets nobody invoke without the secret', async () => {
    const { control } = JSON.parse(await readFile(directory.running, 'utf8')) as { control: { url: string } }
    const body = JSON.stringify({ functionName: 'WorkerFunction', event: {} })
    const headers = { authorization: 'Bearer guess' }
    expect((await fetch(control.url, { method: 'POST', headers, body })).status).toBe(401)
  })

  test('has its tokens signed by another process', async () => {
    const id = '018f3c1e-0000-7000-8000-000000000001'
    const business = '018f3c1e-0000-7000-8000-000000000002'
    const { stdout } = await cli('token.ts', '--id', id, '--kaha-id', 'carol', '--business', business)
    const { payload } = await jwtVerify(stdout.trim(), new TextEncoder().encode(host.jwtSecret))
    expect(payload).toMatchObject({ id, kahaId: 'carol', businessId: business })
    expect(Number(payload.exp) - Number(payload.iat)).toBe(12 * 60 * 60)

    const withoutBusiness = decodeJwt((await cli('token.ts', '--id', id)).stdout.trim())
    expect(withoutBusiness).toEqual({ id, kahaId: 'kaha-018f3c1e', iat: expect.any(Number), exp: expect.any(Number) })
    await expect(cli('token.ts', '--id', 'me')).rejects.toMatchObject({ code: 1 })
  })

  test('refuses a second start on its data, and tells who has them', async () => {
    const refused = startHost({ directory, topology: fixtureTopology })
    await expect(refused).rejects.toBeInstanceOf(AlreadyRunning)
    await expect(refused).rejects.toMatchObject({ running: { pid: process.pid, ...ports } })
    expect((await host.invoke('WorkerFunction', { echo: 1 })).outcome).toBe('ok')
  })

  test('says which of its ports somebody else has', async () => {
    const taken = createServer()
    const webSocketPort = await freePort()
    await new Promise<void>(resolve => taken.listen(webSocketPort, '127.0.0.1', resolve))
    const other = localDirectoryAt(await temporaryDirectory())
    const refused = startHost({ directory: other, topology: fixtureTopology, webSocketPort })
    await expect(refused).rejects.toBeInstanceOf(PortInUse)
    await expect(refused).rejects.toMatchObject({ port: webSocketPort, purpose: 'WebSocket API' })
    await expect(stat(other.running)).rejects.toMatchObject({ code: 'ENOENT' })
    taken.close()
  })

  test('goes on after a function, Redis and Postgres were killed and are back', async () => {
    await host.functions.kill('WorkerFunction')
    expect((await host.invoke('WorkerFunction', { echo: 1 })).outcome).toBe('ok')

    await host.postgres?.kill()
    expect((await host.invoke('TickFunction', {})).errorMessage).toContain('ECONNREFUSED')
    await host.postgres?.start()
    expect((await host.invoke('TickFunction', {})).outcome).toBe('ok')

    await host.redis?.stop()
    await host.redis?.start()
    const redis = new Cluster([host.outputs.RedisUrl])
    expect(await redis.set('x', 1, 'EX', 10)).toBe('OK')
    redis.disconnect()
  })

  test('uses the servers that it is given, and puts new code in place when a file changes', async () => {
    const other = localDirectoryAt(await temporaryDirectory())
    const entry = join(other.path, 'answer.ts')
    await writeFile(entry, 'export const handler = async () => 1')
    const functions = {
      ...fixtureTopology.functions,
      AnswerFunction: { entry, memoryMb: 128, timeoutSeconds: 5, uses: [] },
    }
    const second = await startHost({
      directory: other,
      topology: { ...fixtureTopology, functions, schedules: {} },
      databaseUrl: host.outputs.DatabaseUrl,
      redisUrl: host.outputs.RedisUrl,
      watch: true,
    })
    try {
      expect(second.outputs).toMatchObject({
        DatabaseUrl: host.outputs.DatabaseUrl,
        RedisUrl: host.outputs.RedisUrl,
      })
      expect(second).not.toHaveProperty('postgres')
      await expect(stat(other.postgres)).rejects.toMatchObject({ code: 'ENOENT' })
      await expect(stat(other.redis)).rejects.toMatchObject({ code: 'ENOENT' })

      expect(await second.invoke('AnswerFunction', {})).toMatchObject({ payload: 1 })
      await writeFile(entry, 'export const handler = async () => { this is no code')
      await writeFile(entry, 'export const handler = async () => 2')
      await until('the new code runs', async () => (await second.invoke('AnswerFunction', {})).payload === 2)
    } finally {
      await second.stop()
    }
  })

  test('ends all of itself, starts on the same data, and wipes them when asked to', async () => {
    await host.stop()
    expect(await isPortFree(ports.httpPort)).toBe(true)
    expect(await isPortFree(ports.webSocketPort)).toBe(true)
    await expect(stat(directory.running)).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(stat(directory.outputs)).rejects.toMatchObject({ code: 'ENOENT' })
    const { jwtSecret } = host

    host = await startHost({ directory, topology: fixtureTopology, ...ports })
    expect(host.jwtSecret).toBe(jwtSecret)
    expect(await recorded('job 1')).toBe(1)
    await host.stop()

    host = await startHost({ directory, topology: fixtureTopology, ...ports, fresh: true })
    expect(await recorded('job 1')).toBe(0)
  })

  test('ends everything that it has started when a start fails', async () => {
    const other = localDirectoryAt(await temporaryDirectory())
    const functions = {
      ...fixtureTopology.functions,
      MigrateFunction: { ...fixtureTopology.functions.TickFunction, entry: 'test/local/host/fixtures/recorder.ts' },
    } as typeof fixtureTopology.functions
    const failing = startHost({ directory: other, topology: { ...fixtureTopology, functions } })
    await expect(failing).rejects.toThrow(/The migration failed: error: relation "recorded" does not exist/)
    await expect(stat(join(other.postgres, 'process.json'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(stat(join(other.redis, 'process.json'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(stat(other.running)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
