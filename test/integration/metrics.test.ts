import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import { createHandler as retentionHandler } from '../../functions/schedule/retention.ts'
import { createHandler as sweepHandler } from '../../functions/schedule/sweep.ts'
import { startMainService } from '../../infra/local/main-service/main-service.ts'
import { type AuditRecord, createAudit } from '../../shared/audit/audit.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { sweepPeriodsFromEnvironment, sweepSettingsFromEnvironment } from '../../shared/delivery/delivery.config.ts'
import { createPush } from '../../shared/delivery/push.ts'
import { retentionDays } from '../../shared/messages/retention.ts'
import { metricDimensions, metricUnits } from '../../shared/platform/metric-catalogue.ts'
import { publishMetrics } from '../../shared/platform/metrics.ts'
import { ownMetricsOfAlarms } from '../infra/alarm-metrics.ts'
import { synthesize } from '../infra/synthesized.ts'
import { neverOpen, newBusiness } from '../support/business.ts'
import { lambdaContext } from '../support/lambda.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'
import { recordingQueue } from '../support/recording-queue.ts'
import { openWorld, type World } from '../support/world.ts'
import { allWrittenMetrics, forgetWrittenMetrics, writtenValues } from '../support/written-metrics.ts'

// Of its own: what is counted over all conversations and users must not be others'.
let own: OwnDatabase
let world: World
beforeAll(async () => {
  own = await createOwnDatabase()
}, 60_000)
afterAll(() => own.close())
beforeEach(async () => {
  world = await openWorld({}, { databaseUrl: own.url })
  forgetWrittenMetrics()
})
afterEach(() => world.close())

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const openDirect = async (userId: string, targetUserId: string) =>
  (await world.http<Conversation>(userId, 'POST /conversations/direct', { body: { targetUserId } })).body.id

describe('a message', () => {
  test('is counted once, however often it is sent, and how long its pushes took', async () => {
    const [alice, bob] = [world.newUser(), world.newUser()]
    const id = await openDirect(alice, bob)
    const [from] = [await world.connect(alice), await world.connect(bob)]
    await world.drain()
    forgetWrittenMetrics()
    const answer = await from.send({
      action: 'message.send',
      requestId: '1',
      data: { conversationId: id, content: 'x' },
    })
    const again = { conversationId: id, content: 'x', id: answer.data && (answer.data as { id: string }).id }
    await from.send({ action: 'message.send', requestId: '2', data: again })
    expect(writtenValues('MessagesSent')).toEqual([1])
    expect(writtenValues('PushLatency')).toEqual([expect.any(Number)])
    expect(writtenValues('PushLatency')[0]).toBeGreaterThan(0)
  })

  test('of which nobody hears now has no latency', async () => {
    const [alice, bob] = [world.newUser(), world.newUser()]
    const id = await openDirect(alice, bob)
    const from = await world.connect(alice)
    await from.send({ action: 'message.send', data: { conversationId: id, content: 'x' } })
    expect(writtenValues('MessagesSent')).toEqual([1])
    expect(writtenValues('PushLatency')).toEqual([])
  })
})

test('pushes are counted by what the gateway answers', async () => {
  process.env.AWS_REGION ??= 'us-east-1'
  process.env.AWS_ACCESS_KEY_ID ??= 'test'
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test'
  const server = createServer((request, response) => {
    response.writeHead(Number(request.url?.split('/').at(-1))).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const push = createPush({ WEBSOCKET_API_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  for (const status of [200, 200, 200, 410, 410, 500]) await push.send(String(status), '{}')
  await push.close('200')
  publishMetrics()
  server.close()
  server.closeAllConnections()
  expect(writtenValues('PushesSent')).toEqual([1, 1, 1])
  expect(writtenValues('PushesGone')).toEqual([1, 1])
  expect(writtenValues('PushesFailed')).toEqual([1])
})

test('a connect tells how long it took until the client had everything, and how many messages that were', async () => {
  const [alice, bob] = [world.newUser(), world.newUser()]
  await world.storeMessages(alice, await openDirect(alice, bob), 450)
  await world.connect(bob, { connectedAt: world.clock.now().getTime() - 7_000 })
  await world.drain()
  expect(writtenValues('ReplayAge')).toEqual([expect.any(Number)])
  expect(writtenValues('ReplayAge')[0]).toBeGreaterThanOrEqual(7_000)
  expect(sum(writtenValues('MessagesReplayed'))).toBe(450)
})

test('the sweep counts the connections that get again what they have not acknowledged', async () => {
  const [alice, bob] = [world.newUser(), world.newUser()]
  const id = await openDirect(alice, bob)
  const from = await world.connect(alice)
  for (let devices = 0; devices < 2; devices += 1) await world.connect(bob)
  await world.drain()
  await from.send({ action: 'message.send', data: { conversationId: id, content: 'x' } })
  await world.sweep('pending')
  expect(writtenValues('Repairs')).toEqual([])
  world.clock.advance(31_000)
  await world.sweep('pending')
  expect(sum(writtenValues('Repairs'))).toBe(2)
})

test('the sweep counts, each time it is planned, what there is', async () => {
  const business = newBusiness(world)
  await business.setHours(neverOpen)
  const customer = world.newUser()
  await business.open(customer)
  world.clock.advance(90_000)
  await business.open(world.newUser())
  for (const userId of [customer, customer, world.newUser()]) await world.connect(userId)
  const settings = { settings: sweepSettingsFromEnvironment(), periods: sweepPeriodsFromEnvironment() }
  await sweepHandler({ ...world.deps, ...settings, sweeps: world.sweeps })({}, lambdaContext())
  expect(writtenValues('Connections')).toEqual([3])
  expect(writtenValues('UsersOnline')).toEqual([2])
  expect(writtenValues('BusinessQueueLength')).toEqual([2])
  const [longest = 0] = writtenValues('BusinessLongestWait')
  expect(longest).toBeGreaterThanOrEqual(90)
  expect(longest).toBeLessThan(600)
})

describe('the first answer of a business', () => {
  test('is told with the time that it took when the conversation is closed, and never again', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const customer = world.newUser()
    const { body } = await business.open(customer, { initialMessage: { content: 'Hello?' } })
    world.clock.advance(25_000)
    await agent.socket?.send({ action: 'message.send', data: { conversationId: body.id, content: 'Yes?' } })
    expect(writtenValues('BusinessFirstResponse')).toEqual([])
    await business.close(body.id)
    await business.close(body.id)
    expect(writtenValues('BusinessFirstResponse')).toEqual([expect.any(Number)])
    const [seconds = 0] = writtenValues('BusinessFirstResponse')
    expect(seconds).toBeGreaterThanOrEqual(25)
    expect(seconds).toBeLessThan(600)
    world.clock.advance(1_000)
    await business.manage(`POST /business/conversations/${body.id}/reopen`)
    await business.close(body.id)
    expect(writtenValues('BusinessFirstResponse')).toHaveLength(1)
  })

  test('that never came is not told', async () => {
    const business = newBusiness(world)
    const { body } = await business.open(world.newUser())
    await business.close(body.id)
    expect(writtenValues('BusinessFirstResponse')).toEqual([])
  })
})

test('retention tells how many partitions there are ahead', async () => {
  const now = new Date()
  const run = retentionHandler({ db: own.db, days: retentionDays, span: 'month', clock: { now: () => now } })
  await run({}, lambdaContext())
  // A fourth where the same day in three months is past the end of a short month, and so in the next one.
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()]
  const furthest = new Date(Date.UTC(year, month + 3, now.getUTCDate()))
  const ahead = (furthest.getUTCFullYear() - year) * 12 + furthest.getUTCMonth() - month
  expect(writtenValues('PartitionsAhead')).toEqual([ahead])
})

test('who is to be notified is counted', async () => {
  const [alice, bob] = [world.newUser(), world.newUser()]
  const id = await openDirect(alice, bob)
  await world.http(alice, `POST /conversations/${id}/messages`, { body: { content: 'x' } })
  world.clock.advance(11_000)
  await world.checkPushes()
  expect(writtenValues('PushRequests')).toEqual([1])
})

test('a message that no key opens is counted when somebody reads it', async () => {
  const [alice, bob] = [world.newUser(), world.newUser()]
  const id = await openDirect(alice, bob)
  await world.http(alice, `POST /conversations/${id}/messages`, { body: { content: 'x' } })
  await sql`update messages set body = '\\x00'::bytea where conversation_id = ${id}::uuid`.execute(world.db)
  await world.http(bob, `GET /conversations/${id}/messages`)
  expect(writtenValues('UnreadableMessages')).toEqual([1])
})

test('profiles are counted by whether the cache has them, and so is a main service that fails', async () => {
  const mainService = await startMainService({ token: 'x' })
  const named = await openWorld({}, { databaseUrl: own.url, mainService: { url: mainService.url, token: 'x' } })
  const [alice, bob] = [named.newUser(), named.newUser()]
  const { id } = (await named.http<Conversation>(alice, 'POST /conversations/direct', { body: { targetUserId: bob } }))
    .body
  const asked = sum(writtenValues('ProfileCacheMisses'))
  expect(asked).toBeGreaterThanOrEqual(2)
  await named.http(alice, `GET /conversations/${id}`)
  expect(sum(writtenValues('ProfileCacheMisses'))).toBe(asked)
  expect(sum(writtenValues('ProfileCacheHits'))).toBeGreaterThanOrEqual(2)
  await mainService.stop()
  for (let asking = 0; asking < 3; asking += 1) {
    await named.http(alice, 'POST /conversations/direct', { body: { targetUserId: named.newUser() } })
  }
  await named.close()
  expect(sum(writtenValues('ProfileBreakerOpened'))).toBeGreaterThanOrEqual(1)
})

test('an audit entry that was not queued is counted', async () => {
  const queue = recordingQueue<AuditRecord>()
  queue.fail(true)
  await createAudit(queue, world.clock).record({ action: 'message.deleted' })
  publishMetrics()
  expect(writtenValues('AuditFailures')).toEqual([1])
})

test('what a client could not get is counted', async () => {
  world.replays.fail(true)
  await expect(world.connect(world.newUser())).rejects.toThrow('503')
  expect(writtenValues('Failures')).toEqual([1])
})

test('what a client asks for too often is counted', async () => {
  const socket = await world.connect(world.newUser())
  const conversations = [{ id: world.newUser(), afterSeq: 0 }]
  const answers = []
  for (let asked = 0; asked < 12; asked += 1) {
    answers.push(await socket.send({ action: 'sync', requestId: 's', data: { conversations } }))
    await world.drain()
  }
  const refused = answers.filter(({ error }) => error?.code === 'rate_limited')
  expect(refused.length).toBeGreaterThan(0)
  expect(sum(writtenValues('Throttles'))).toBe(refused.length)
})

test('every metric of the catalogue was written by these tests, under its name, unit and dimensions', () => {
  const written = allWrittenMetrics().flatMap(({ _aws }) =>
    _aws.CloudWatchMetrics.flatMap(({ Metrics, Dimensions }) =>
      Metrics.map(({ Name, Unit }) => ({ name: Name, unit: Unit, dimensions: Dimensions })),
    ),
  )
  for (const [name, unit] of Object.entries(metricUnits)) {
    expect(written).toContainEqual({ name, unit, dimensions: [[...metricDimensions]] })
  }
})

test('every metric of ours that an alarm looks at was written by these tests, in its namespace and with its dimensions', () => {
  const written = allWrittenMetrics().flatMap(({ _aws, ...line }) =>
    _aws.CloudWatchMetrics.flatMap(({ Namespace, Metrics, Dimensions }) =>
      Metrics.flatMap(({ Name }) =>
        Dimensions.map(names => ({
          Namespace,
          MetricName: Name,
          Dimensions: names.map(name => ({ Name: name, Value: String(line[name as keyof typeof line]) })),
        })),
      ),
    ),
  )
  const looked = ownMetricsOfAlarms(synthesize({ stage: 'dev' }))
  expect(looked.length).toBeGreaterThanOrEqual(6)
  for (const { Namespace, MetricName, Dimensions } of looked) {
    expect(written).toContainEqual({ Namespace, MetricName, Dimensions })
  }
}, 60_000)
