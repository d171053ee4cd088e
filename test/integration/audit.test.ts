import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createHandler } from '../../functions/queue/audit.ts'
import { localDynamoDbClient, startDynamoDb } from '../../infra/local/stores/dynamodb.ts'
import { topology } from '../../infra/topology.ts'
import type { StoredEntry } from '../../shared/audit/audit.schema.ts'
import { type AuditEntry, type AuditRecord, createAudit } from '../../shared/audit/audit.ts'
import { type AuditTable, readEntries, type Subject } from '../../shared/audit/audit-table.ts'
import type { OpenedConversation } from '../../shared/business/business.schema.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { Message } from '../../shared/messages/messages.schema.ts'
import { publishMetrics } from '../../shared/platform/metrics.ts'
import { createQueue } from '../../shared/platform/queue.ts'
import { temporaryDirectory } from '../local/stores/temporary-directory.ts'
import { newBusiness } from '../support/business.ts'
import { lambdaContext } from '../support/lambda.ts'
import { logged } from '../support/logged.ts'
import { recordingQueue, sqsEventOf } from '../support/recording-queue.ts'
import { openWorld, type World } from '../support/world.ts'
import { forgetWrittenMetrics, writtenValues } from '../support/written-metrics.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const newUsers = (count: number) => Array.from({ length: count }, () => world.newUser())

/** What is put on record while something is done. */
const recordedDuring = async (work: () => Promise<unknown>): Promise<AuditEntry[]> => {
  const before = world.audits.length
  await work()
  return world.audits.slice(before)
}

describe('on record goes', () => {
  test('who makes a conversation, with whom, once', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const openDirect = () => world.http(alice, 'POST /conversations/direct', { body: { targetUserId: bob } })
    const group = { id: randomUUID(), participantIds: [bob, carol] }
    const makeGroup = () => world.http(alice, 'POST /conversations/group', { body: group })
    const made = await recordedDuring(async () => {
      for (const make of [openDirect, openDirect, makeGroup, makeGroup]) await make()
    })
    expect(made).toMatchObject([
      { action: 'conversation.created', userId: alice, others: [bob] },
      {
        action: 'conversation.created',
        userId: alice,
        target: { conversationId: group.id },
        others: [bob, carol],
      },
    ])
    expect(made).toHaveLength(2)
  })

  test('every change of members and roles, also that of an heir, and nothing that changes nothing', async () => {
    const [alice = '', bob = '', dave = ''] = newUsers(3)
    const body = { participantIds: [bob] }
    const { id } = (await world.http<Conversation>(alice, 'POST /conversations/group', { body })).body
    const of = (userId: string, more = {}) => ({ conversationId: id, userId, ...more })
    const role = (userId: string, role: string) =>
      world.http(alice, `PUT /conversations/${id}/participants/${userId}/role`, { body: { role } })
    const changes = await recordedDuring(async () => {
      await world.http(alice, `POST /conversations/${id}/participants`, { body: { userId: dave } })
      await world.http(alice, `POST /conversations/${id}/participants`, { body: { userId: dave } })
      await role(dave, 'admin')
      await role(dave, 'admin')
      await world.http(alice, `DELETE /conversations/${id}/participants/${dave}`)
      await world.http(alice, `DELETE /conversations/${id}/participants/${alice}`)
    })
    expect(changes).toEqual([
      { action: 'participant.added', userId: alice, target: of(dave, { role: 'member' }) },
      { action: 'participant.role_changed', userId: alice, target: of(dave, { role: 'admin' }) },
      { action: 'participant.removed', userId: alice, target: of(dave) },
      { action: 'participant.removed', userId: alice, target: of(alice) },
      { action: 'participant.role_changed', userId: alice, target: of(bob, { role: 'admin' }) },
    ])
  })

  test('who deletes whose message, once', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const group = { body: { participantIds: [bob] } }
    const { id } = (await world.http<Conversation>(alice, 'POST /conversations/group', group)).body
    const sending = { body: { content: 'Not for the record' } }
    const sent = (await world.http<Message>(bob, `POST /conversations/${id}/messages`, sending)).body
    const remove = () => world.http(alice, `DELETE /conversations/${id}/messages/${sent.id}`)
    const entries = await recordedDuring(async () => {
      await remove()
      await remove()
    })
    const target = { conversationId: id, messageId: sent.id, userId: bob }
    expect(entries).toEqual([{ action: 'message.deleted', userId: alice, target }])
  })

  test('agents who come and go, and who gets a conversation, by whom and why', async () => {
    const business = newBusiness(world)
    const { id: businessId, manager } = business
    const customer = world.newUser()
    const agents: string[] = []
    let id = ''
    const entries = await recordedDuring(async () => {
      agents.push((await business.addAgent()).id)
      id = (await business.open(customer)).body.id
      agents.push((await business.addAgent()).id)
      const reassign = { agentId: agents[1], reason: 'Knows it better' }
      await business.manage<OpenedConversation>(`POST /business/conversations/${id}/reassign`, reassign)
      await business.close(id)
      await business.close(id)
      await business.manage(`POST /business/conversations/${id}/reopen`)
      await business.manage(`DELETE /business/${businessId}/agents/${agents[1]}`)
    })
    const [first = '', second = ''] = agents
    const by = { userId: manager, businessId }
    const target = { businessId, conversationId: id }
    expect(entries).toEqual([
      { action: 'agent.added', ...by, target: { businessId, agentId: first } },
      {
        action: 'conversation.created',
        userId: customer,
        target: { ...target, status: 'assigned', agentId: first },
        others: [customer],
      },
      { action: 'agent.added', ...by, target: { businessId, agentId: second } },
      {
        action: 'conversation.reassigned',
        ...by,
        reason: 'Knows it better',
        target: { ...target, status: 'assigned', agentId: second },
        others: [customer, first],
      },
      {
        action: 'conversation.closed',
        ...by,
        target: { ...target, status: 'closed', agentId: second },
        others: [customer],
      },
      {
        action: 'conversation.reopened',
        ...by,
        target: { ...target, status: 'assigned', agentId: second },
        others: [customer],
      },
      // Nobody asked for this one: it follows from the next.
      {
        action: 'conversation.assigned',
        target: { ...target, status: 'assigned', agentId: first },
        others: [customer, second],
      },
      { action: 'agent.removed', ...by, target: { businessId, agentId: second } },
    ])
  })

  test('a conversation that waits and is given out later, and a customer who opens theirs again', async () => {
    const business = newBusiness(world)
    const customer = world.newUser()
    const { id } = (await business.open(customer)).body
    const agent = await business.addAgent()
    await business.close(id)
    await world.http(customer, `POST /conversations/${id}/messages`, { body: { content: 'One more thing' } })
    const about = world.audits.filter(({ target }) => target?.conversationId === id)
    expect(about.map(({ action, userId, target }) => [action, userId, target?.status, target?.agentId])).toEqual([
      ['conversation.created', customer, 'queued', undefined],
      ['conversation.assigned', undefined, 'assigned', agent.id],
      ['conversation.closed', business.manager, 'closed', agent.id],
      ['conversation.reopened', customer, 'assigned', agent.id],
    ])
  })

  test('who was refused what', async () => {
    const [alice = '', bob = '', eve = ''] = newUsers(3)
    const { id } = (
      await world.http<Conversation>(alice, 'POST /conversations/direct', { body: { targetUserId: bob } })
    ).body
    const entries = await recordedDuring(() => world.http(eve, `GET /conversations/${id.toUpperCase()}/messages`))
    expect(entries).toEqual([
      {
        action: 'access.refused',
        userId: eve,
        target: { conversationId: id },
        outcome: 'refused',
        reason: 'not_found',
        route: 'GET /conversations/{id}/messages',
        requestId: expect.any(String),
      },
    ])
  })
})

describe('an entry that the queue does not take', () => {
  beforeEach(forgetWrittenMetrics)

  const entry: AuditEntry = {
    action: 'message.deleted',
    userId: randomUUID(),
    target: { conversationId: randomUUID() },
  }

  test('holds up nobody: it is told to the log, its ids masked, and counted', async () => {
    const queue = recordingQueue<AuditRecord>()
    queue.fail(true)
    const lines = await logged(() => createAudit(queue, world.clock).record(entry))
    const mask = expect.stringMatching(/^~[\w-]{12}$/)
    const audit = { action: 'message.deleted', userId: mask, target: { conversationId: mask } }
    expect(lines).toContainEqual(expect.objectContaining({ level: 'ERROR', audit: expect.objectContaining(audit) }))
    publishMetrics()
    expect(writtenValues('AuditFailures')).toEqual([1])
  })

  test('is treated so, too, when SQS can not be reached', async () => {
    const nowhere = createQueue<AuditRecord>('http://127.0.0.1:9/000000000000/Audit', { attempts: 1, timeoutMs: 1_000 })
    const lines = await logged(() => createAudit(nowhere, world.clock).record(entry, entry))
    expect(lines.filter(line => line.level === 'ERROR')).toHaveLength(2)
    publishMetrics()
    expect(writtenValues('AuditFailures')).toEqual([2])
  })
})

describe('the record', () => {
  let table: AuditTable
  let stop: () => Promise<void>
  beforeAll(async () => {
    const directory = join(await temporaryDirectory(), 'dynamodb')
    const dynamoDb = await startDynamoDb({ directory, tables: topology.tables })
    table = { client: localDynamoDbClient(dynamoDb.url), name: 'Audit' }
    stop = dynamoDb.stop
  })
  afterAll(() => stop?.())

  /** Does the work of the queue's function with what was sent to the queue. */
  const store = async (jobs: readonly unknown[]) => createHandler({ table })(sqsEventOf(jobs), lambdaContext())
  const recordsOf = async (...entries: AuditEntry[]): Promise<AuditRecord[]> => {
    const queue = recordingQueue<AuditRecord>()
    await createAudit(queue, world.clock).record(...entries)
    return queue.takeAll()
  }
  const found = async (subject: Subject, since?: Date) => {
    const entries: StoredEntry[] = []
    for await (const entry of readEntries(table, subject, since)) entries.push(entry)
    return entries
  }

  test('is found by everybody whom it concerns and by its conversation, each once', async () => {
    const [alice = '', bob = '', carol = '', conversationId = ''] = newUsers(4)
    const target = { conversationId, userId: bob, agentId: bob }
    const records = await recordsOf({ action: 'participant.added', userId: alice, target, others: [carol, bob] })
    expect(await store(records)).toEqual({ batchItemFailures: [] })
    for (const subject of [
      `user#${alice}`,
      `user#${bob}`,
      `user#${carol}`,
      `conversation#${conversationId}`,
    ] as const) {
      expect(await found(subject)).toEqual(records)
    }
    expect(await found(`user#${randomUUID()}`)).toEqual([])
  })

  test('is found by the first ten of many conversations that a frame named, and holds all of them', async () => {
    const ids = newUsers(12)
    const target = { conversationIds: ids.join(' ') }
    const records = await recordsOf({ action: 'access.refused', userId: world.newUser(), target, outcome: 'refused' })
    await store(records)
    for (const [index, id] of ids.entries()) {
      expect(await found(`conversation#${id}`)).toEqual(index < 10 ? records : [])
    }
  })

  test('holds what the service did by itself', async () => {
    const records = await recordsOf({ action: 'key.rotated', target: { keyId: '2026-11' } })
    await store(records)
    expect(await found('service')).toEqual(records)
  })

  test('keeps an entry that comes twice once, as it was first, for a year', async () => {
    const userId = world.newUser()
    const [record] = await recordsOf({ action: 'access.refused', userId, outcome: 'refused', reason: 'forbidden' })
    const changed = { ...record, reason: 'not_found' }
    expect(await store([record, record])).toEqual({ batchItemFailures: [] })
    expect(await store([changed])).toEqual({ batchItemFailures: [] })
    expect(await found(`user#${userId}`)).toEqual([record])
    const { Items = [] } = await table.client.send(new ScanCommand({ TableName: table.name }))
    const [item] = Items.filter(({ pk }) => pk?.S === `user#${userId}`)
    const days = (Number(item?.expiresAt?.N) * 1000 - Date.parse(record?.at ?? '')) / (24 * 60 * 60 * 1000)
    expect(Math.round(days)).toBe(365)
  })

  test('comes in the order of time, from a time on, and in pages that nobody sees', async () => {
    const userId = world.newUser()
    const started = Date.UTC(2026, 0, 1)
    // More than a page of DynamoDB (1 MB) holds.
    const records = Array.from({ length: 60 }, (_, index) => ({
      id: randomUUID(),
      at: new Date(started + index * 1_000).toISOString(),
      action: 'access.refused',
      userId,
      reason: 'x'.repeat(20_000),
    }))
    for (let start = 0; start < records.length; start += 10) await store(records.slice(start, start + 10).toReversed())
    expect((await found(`user#${userId}`)).map(({ id }) => id)).toEqual(records.map(({ id }) => id))
    const late = await found(`user#${userId}`, new Date(started + 58_000))
    expect(late.map(({ id }) => id)).toEqual(records.slice(58).map(({ id }) => id))
  })

  test('takes entries of a newer version as they are', async () => {
    const [userId = '', id = ''] = newUsers(2)
    const record = { id, at: world.clock.now().toISOString(), action: 'not.yet.known', userId, more: { and: ['more'] } }
    await store([record])
    expect(await found(`user#${userId}`)).toEqual([record])
  })

  test('fails alone where DynamoDB does not take it, and comes again', async () => {
    const nowhere = { ...table, name: 'NoTable' }
    const event = sqsEventOf(await recordsOf({ action: 'key.rotated' }))
    const failed = await createHandler({ table: nowhere })(event, lambdaContext())
    expect(failed.batchItemFailures).toEqual([{ itemIdentifier: event.Records[0]?.messageId }])
  })
})
