import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import { v7 } from 'uuid'
import type { Agent, BusinessStats, OpenedConversation } from '../../shared/business/business.schema.ts'
import { openBusiness } from '../../shared/business/open-business.ts'
import type { Conversation, ConversationPage } from '../../shared/conversations/conversations.schema.ts'
import type { Switchboard } from '../../shared/delivery/switchboard.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import { bucketOf, keys } from '../../shared/redis/keys.ts'
import type { Changes } from '../../shared/sync/changes.schema.ts'
import { neverOpen, newBusiness, type TestBusiness } from '../support/business.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'
import { openWorld, type World } from '../support/world.ts'

// Of its own: a sweep at another time would take conversations from the agents of other tests.
let own: OwnDatabase
let world: World
beforeAll(async () => {
  own = await createOwnDatabase()
  world = await openWorld({}, { databaseUrl: own.url })
}, 60_000)
afterAll(async () => {
  await world.close()
  await own.close()
})
beforeEach(() => {
  world.replays.takeAll()
  world.receipts.takeAll()
})

const history = async (userId: string, id: string, businessId?: string) =>
  world.http<MessagePage>(userId, `GET /conversations/${id}/messages`, businessId === undefined ? {} : { businessId })
const send = (userId: string, id: string, content: string, options: { businessId?: string } = {}) =>
  world.http<Message>(userId, `POST /conversations/${id}/messages`, { body: { content }, ...options })
const assignmentOf = async (id: string) =>
  world.db.selectFrom('business_conversations').selectAll().where('conversation_id', '=', id).executeTakeFirstOrThrow()

describe('opening a conversation with a business', () => {
  test('gives it to an agent who is online', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const customer = world.newUser()
    const { status, body } = await business.open(customer, { category: 'Billing', priority: 'high' })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      type: 'business',
      name: `Business ${business.id.slice(-4)}`,
      lastSeq: 0,
      business: {
        businessId: business.id,
        status: 'assigned',
        agentId: agent.id,
        priority: 'high',
        category: 'Billing',
      },
      assignment: { status: 'assigned', agentId: agent.id, position: null },
    })
    const roles = Object.fromEntries(body.participants.map(({ userId, role }) => [userId, role]))
    expect(roles).toEqual({ [customer]: 'customer', [agent.id]: 'agent' })
    expect(agent.socket?.events('conversation.created')).toMatchObject([{ conversation: { id: body.id } }])
    for (const userId of [customer, agent.id]) {
      const list = await world.http<ConversationPage>(userId, 'GET /conversations?type=business')
      expect(list.body.items).toMatchObject([{ id: body.id, business: { status: 'assigned', agentId: agent.id } }])
      expect((await world.http<ConversationPage>(userId, 'GET /conversations?type=direct')).body.items).toEqual([])
    }
    expect(agent.socket?.events('assignment.changed')).toEqual([
      { conversationId: body.id, status: 'assigned', agentId: agent.id },
    ])
  })

  test('with nobody there queues it, and says so once, after the first message', async () => {
    const business = newBusiness(world)
    const customer = world.newUser()
    const socket = await world.connect(customer)
    const { status, body } = await business.open(customer, { initialMessage: { content: 'Hello?' } })
    expect(status).toBe(201)
    expect(body.assignment).toEqual({ status: 'queued', agentId: null, position: 1 })
    const { items } = (await history(customer, body.id)).body
    expect(items).toMatchObject([
      { seq: 1, senderId: customer, type: 'text', content: 'Hello?' },
      { seq: 2, senderId: business.id, type: 'system' },
    ])
    expect(socket.events('message.created')).toHaveLength(2)
    expect(body.unreadCount).toBe(1)
    await world.sweep('business')
    expect((await history(customer, body.id)).body.items).toHaveLength(2)
    expect((await business.open(world.newUser())).body.assignment.position).toBe(2)
  })

  test('tells who waits what the business wants to say', async () => {
    const business = newBusiness(world)
    await business.addAgent()
    await business.setHours(neverOpen)
    await business.manage(`PUT /business/${business.id}/settings`, {
      strategy: 'least_busy',
      autoReply: 'We sleep. <b>Soon</b>!',
    })
    const customer = world.newUser()
    const { body } = await business.open(customer)
    expect(body.assignment.status).toBe('queued')
    expect((await history(customer, body.id)).body.items).toMatchObject([
      { type: 'system', content: 'We sleep. Soon!' },
    ])
  })

  test('tells the business of the conversation first, then of all that becomes of it', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const socket = await world.connect(business.manager, { businessId: business.id })
    const { id } = (await business.open(world.newUser(), { initialMessage: { content: 'Hi' } })).body
    const frames = world.push.frames.filter(({ connectionId }) => connectionId === socket.connectionId)
    expect(frames.map(({ event }) => event)).toEqual([
      'conversation.created',
      'participant.added',
      'assignment.changed',
      'message.created',
    ])
    expect(frames[2]?.data).toEqual({ conversationId: id, status: 'assigned', agentId: agent.id })
  })

  test('tells who has it by then, when somebody took it while others were told that it waits', async () => {
    const business = newBusiness(world)
    const customer = world.newUser()
    const socket = await world.connect(customer)
    const opened = Promise.withResolvers<void>()
    const taken = Promise.withResolvers<void>()
    const switchboard: Switchboard = {
      ...world.switchboard,
      connectionsOf: async userIds => {
        opened.resolve()
        await taken.promise
        return world.switchboard.connectionsOf(userIds)
      },
    }
    const opening = openBusiness({ ...world.deps, switchboard }, customer, { businessId: business.id, priority: 'low' })
    await opened.promise
    const agent = await business.addAgent()
    taken.resolve()
    const { id } = (await opening).conversation
    const changed = { conversationId: id, status: 'assigned', agentId: agent.id }
    expect(socket.events('assignment.changed')).toEqual([changed, changed])
  })

  test('makes nobody wait because Redis did not say in time, once, who is online', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const customer = world.newUser()
    await world.connect(customer)
    let asked = 0
    const redis = new Proxy(world.redis, {
      get: (target, name) => {
        if (name !== 'pipeline') return Reflect.get(target, name)
        asked += 1
        if (asked === 1) throw new Error('Too late')
        return target.pipeline.bind(target)
      },
    })
    const { conversation } = await openBusiness({ ...world.deps, redis }, customer, {
      businessId: business.id,
      priority: 'normal',
    })
    expect(conversation.assignment).toEqual({ status: 'assigned', agentId: agent.id, position: null })
    expect(asked).toBe(2)
  })

  test('again answers with the open one, and sends a first message with an id once', async () => {
    const business = newBusiness(world)
    await business.addAgent()
    const customer = world.newUser()
    const initialMessage = { id: v7(), content: 'Once' }
    const first = await business.open(customer, { initialMessage })
    const second = await business.open(customer, { initialMessage })
    expect([first.status, second.status]).toEqual([201, 200])
    expect(second.body.id).toBe(first.body.id)
    expect((await history(customer, first.body.id)).body.items).toHaveLength(1)
  })

  test('20 times at once makes one', async () => {
    const business = newBusiness(world)
    await business.addAgent()
    const customer = world.newUser()
    const initialMessage = { id: v7(), content: 'Once' }
    const answers = await Promise.all(Array.from({ length: 20 }, () => business.open(customer, { initialMessage })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(19).fill(200), 201])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect((await history(customer, answers[0]?.body.id ?? '')).body.items).toHaveLength(1)
  })

  test('with the id of somebody else’s message makes nothing', async () => {
    const business = newBusiness(world)
    await business.addAgent()
    const initialMessage = { id: v7(), content: 'Mine' }
    await business.open(world.newUser(), { initialMessage })
    const thief = world.newUser()
    expect(await business.open(thief, { initialMessage })).toMatchObject({
      status: 409,
      body: { code: 'message_id_taken' },
    })
    const expired = { id: v7({ msecs: Date.now() - 25 * 3_600_000 }), content: 'Late' }
    expect((await business.open(thief, { initialMessage: expired })).body).toMatchObject({ code: 'message_id_expired' })
    expect(
      (await business.inbox()).some(({ participants }) => participants.some(({ userId }) => userId === thief)),
    ).toBe(false)
  })

  test.each([
    ['no business', {}],
    ['a priority that there is not', { businessId: randomUUID(), priority: 'extreme' }],
    ['an unknown field', { businessId: randomUUID(), urgent: true }],
    ['an empty first message', { businessId: randomUUID(), initialMessage: { content: ' ' } }],
  ])('with %s is not possible', async (_, body) => {
    const answer = await world.http(world.newUser(), 'POST /conversations/business', { body })
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
  })
})

describe('the queue', () => {
  test('drains to an agent who connects, the more urgent first, then the longest waiting', async () => {
    const business = newBusiness(world)
    const customers = { low: world.newUser(), first: world.newUser(), second: world.newUser(), urgent: world.newUser() }
    const ids = {
      low: (await business.open(customers.low, { priority: 'low' })).body.id,
      first: (await business.open(customers.first)).body.id,
      second: (await business.open(customers.second)).body.id,
      urgent: (await business.open(customers.urgent, { priority: 'urgent' })).body.id,
    }
    expect((await business.inbox()).map(({ id }) => id)).toEqual([ids.urgent, ids.first, ids.second, ids.low])
    const agent = await business.addAgent({ limit: 2 })
    const assigned = await business.inbox('?status=assigned')
    expect(assigned.map(({ id }) => id)).toEqual([ids.urgent, ids.first])
    await business.close(ids.first)
    expect(await assignmentOf(ids.second)).toMatchObject({ status: 'assigned', agent_id: agent.id })
    await business.manage(`PUT /business/${business.id}/agents/${agent.id}/configure`, {
      maxConcurrentChats: 3,
      skills: [],
    })
    expect(await assignmentOf(ids.low)).toMatchObject({ status: 'assigned', agent_id: agent.id })
  })

  test('drains when an agent becomes available, and when the business opens', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const availability = (isAvailable: boolean) =>
      world.http<Agent>(agent.id, `PUT /business/${business.id}/agents/${agent.id}/availability`, {
        body: { isAvailable },
      })
    expect((await availability(false)).body).toMatchObject({ isAvailable: false, status: 'online' })
    const one = await business.open(world.newUser())
    expect(one.body.assignment.status).toBe('queued')
    await availability(true)
    expect(await assignmentOf(one.body.id)).toMatchObject({ status: 'assigned' })
    await business.setHours(neverOpen)
    const two = await business.open(world.newUser())
    expect(two.body.assignment.status).toBe('queued')
    await business.setHours({ enforced: false })
    expect(await assignmentOf(two.body.id)).toMatchObject({ status: 'assigned' })
  })

  test('drains by the sweep when the hours begin', async () => {
    const business = newBusiness(world)
    await business.addAgent()
    const opens = new Date(Date.now() + 120_000)
    const hhmm = (date: Date) => date.toISOString().slice(11, 16)
    const ranges = [{ open: hhmm(opens), close: hhmm(new Date(opens.getTime() + 60 * 60_000)) }]
    const specialHours = { [opens.toISOString().slice(0, 10)]: ranges }
    await business.setHours({ timezone: 'UTC', specialHours })
    const { body } = await business.open(world.newUser())
    expect(body.assignment.status).toBe('queued')
    await world.sweep('business')
    expect(await assignmentOf(body.id)).toMatchObject({ status: 'queued' })
    world.clock.advance(121_000)
    try {
      // The agent is still there, which their next frame says.
      const [agent] = (await business.manage<{ items: Agent[] }>(`GET /business/${business.id}/agents`)).body.items
      await world.connect(agent?.agentId ?? '')
      world.replays.takeAll()
      await world.sweep('business')
      expect(await assignmentOf(body.id)).toMatchObject({ status: 'assigned' })
    } finally {
      world.clock.advance(-121_000)
    }
  })

  test('prefers whose skills match, but lets nobody wait for them', async () => {
    const business = newBusiness(world)
    const skilled = await business.addAgent({ limit: 1, skills: ['Billing'] })
    const other = await business.addAgent({ limit: 5 })
    const takers = []
    for (let n = 0; n < 3; n += 1) {
      takers.push((await business.open(world.newUser(), { category: 'billing' })).body.assignment.agentId)
    }
    expect(takers).toEqual([skilled.id, other.id, other.id])
  })
})

test('the sweep goes on where one business can not be swept', async () => {
  const start = (digit: string) => `${digit.repeat(8)}${randomUUID().slice(8)}`
  const businesses = ['0', '1'].map(digit => newBusiness(world, { id: start(digit), manager: world.newUser() }))
  const [broken, sound] = businesses as [TestBusiness, TestBusiness]
  await broken.open(world.newUser())
  const { id } = (await sound.open(world.newUser())).body
  const agent = await sound.addAgent({ offline: true })
  await world.connect(agent.id)
  world.replays.takeAll()
  await sql`update businesses set hours = '{"enforced": true}' where id = ${broken.id}`.execute(world.db)
  await world.sweep('business')
  expect(await assignmentOf(id)).toMatchObject({ status: 'assigned', agent_id: agent.id })
  await sql`update businesses set hours = null where id = ${broken.id}`.execute(world.db)
})

test('a hundred and more that wait are given out by one sweep', async () => {
  const business = newBusiness(world)
  await business.setHours(neverOpen)
  const agents = await Promise.all(Array.from({ length: 6 }, () => business.addAgent({ limit: 20 })))
  await sql`
    with customers as (
      insert into users (id, created_at) select gen_random_uuid(), now() from generate_series(1, 110) returning id
    ), made as (
      insert into conversations (id, type, created_by, created_at, last_activity_at)
        select uuidv7(), 'business', id, now(), now() from customers returning id, created_by
    ), joined as (
      insert into participants (
        conversation_id, user_id, role, joined_at, joined_seq, last_read_seq, last_delivered_seq
      ) select id, created_by, 'customer', now(), 0, 0, 0 from made
    )
    insert into business_conversations (
      conversation_id, business_id, customer_id, status, priority_rank, opened_at, queued_at
    ) select id, ${business.id}::uuid, created_by, 'queued', 2, now(), now() from made`.execute(world.db)
  await business.setHours({ enforced: false })
  const countAssigned = async () => {
    const rows = await world.db
      .selectFrom('business_conversations')
      .select('agent_id')
      .where('business_id', '=', business.id)
      .where('status', '=', 'assigned')
      .execute()
    return rows.length
  }
  expect(await countAssigned()).toBe(100)
  for (const agent of agents) await agent.socket?.send({ action: 'heartbeat', data: {} })
  await world.sweep('business')
  expect(await countAssigned()).toBe(110)
})

describe('a customer who waits', () => {
  test('is told by the sweep when the function that was to tell them has ended', async () => {
    const business = newBusiness(world)
    const customer = world.newUser()
    const { id } = (await business.open(customer)).body
    await world.db
      .updateTable('business_conversations')
      .set({ is_told_to_wait: false })
      .where('conversation_id', '=', id)
      .execute()
    await world.sweep('business')
    expect((await history(customer, id)).body.items).toHaveLength(1)
    world.clock.advance(11_000)
    try {
      await Promise.all([world.sweep('business'), world.sweep('business')])
    } finally {
      world.clock.advance(-11_000)
    }
    expect((await history(customer, id)).body.items.map(({ type }) => type)).toEqual(['system', 'system'])
  })
})

describe('an agent who goes', () => {
  test('and of whom Redis knows nothing any more has two minutes from when they are missed', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const { id } = (await business.open(world.newUser())).body
    await world.redis.zrem(keys.online(bucketOf(agent.id)), agent.id)
    await world.redis.del(keys.lastSeen(agent.id))
    world.clock.advance(300_000)
    try {
      await world.sweep('business')
      expect(await assignmentOf(id)).toMatchObject({ status: 'assigned' })
      world.clock.advance(115_000)
      await world.sweep('business')
      expect(await assignmentOf(id)).toMatchObject({ status: 'assigned' })
      world.clock.advance(6_000)
      await world.sweep('business')
      expect(await assignmentOf(id)).toMatchObject({ status: 'queued', agent_id: null })
    } finally {
      world.clock.advance(-421_000)
    }
  })

  test('keeps what they answered; what they never answered goes to another after two minutes', async () => {
    const business = newBusiness(world)
    const first = await business.addAgent()
    const [answered, unanswered] = [await business.open(world.newUser()), await business.open(world.newUser())]
    await send(first.id, answered.body.id, 'Hello')
    await first.socket?.close()
    world.clock.advance(60_000)
    try {
      const second = await business.addAgent()
      await world.sweep('business')
      expect(await assignmentOf(unanswered.body.id)).toMatchObject({ agent_id: first.id })
      world.clock.advance(65_000)
      await world.connect(second.id)
      await world.sweep('business')
      expect(await assignmentOf(unanswered.body.id)).toMatchObject({ status: 'assigned', agent_id: second.id })
      expect(await assignmentOf(answered.body.id)).toMatchObject({ status: 'assigned', agent_id: first.id })
      expect((await history(first.id, unanswered.body.id)).status).toBe(404)
    } finally {
      world.clock.advance(-125_000)
    }
  })

  test('by removal hands over what is open and sees nothing any more, nor what is closed', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const [open, closed] = [await business.open(world.newUser()), await business.open(world.newUser())]
    await business.close(closed.body.id)
    const other = await business.addAgent({ limit: 1 })
    expect((await business.manage(`DELETE /business/${business.id}/agents/${agent.id}`)).status).toBe(204)
    expect(await assignmentOf(open.body.id)).toMatchObject({ status: 'assigned', agent_id: other.id })
    for (const { body } of [open, closed]) expect((await history(agent.id, body.id)).status).toBe(404)
    expect((await world.http(agent.id, `GET /business/${business.id}/inbox`)).status).toBe(403)
    expect((await business.manage(`DELETE /business/${business.id}/agents/${agent.id}`)).status).toBe(404)
  })
})

describe('giving a conversation to another', () => {
  test('lets the new agent read all, takes all from the one before, and tells the customer', async () => {
    const business = newBusiness(world)
    const before = await business.addAgent()
    const customer = world.newUser()
    const socket = await world.connect(customer)
    const managing = await world.connect(business.manager, { businessId: business.id })
    const { id } = (await business.open(customer, { initialMessage: { content: 'One' } })).body
    await send(before.id, id, 'Two')
    await send(customer, id, 'Three')
    const next = await business.addAgent()
    const { status, body } = await business.manage<OpenedConversation>(`POST /business/conversations/${id}/reassign`, {
      agentId: next.id,
      reason: 'Knows it better',
    })
    expect(status).toBe(200)
    expect(body.assignment).toEqual({ status: 'assigned', agentId: next.id, position: null })
    expect((await history(next.id, id)).body.items.map(({ seq }) => seq)).toEqual([1, 2, 3])
    await world.drain()
    expect(next.socket?.events('messages.batch')).toMatchObject([
      { conversationId: id, messages: [{ seq: 1 }, {}, {}] },
    ])
    expect((await history(before.id, id)).status).toBe(404)
    expect((await send(before.id, id, 'Still me')).status).toBe(404)
    expect(
      (await world.http<ConversationPage>(before.id, 'GET /conversations?type=business')).body.items.map(
        each => each.id,
      ),
    ).not.toContain(id)
    const changed = { conversationId: id, status: 'assigned', agentId: next.id }
    for (const told of [socket, before.socket, next.socket, managing]) {
      expect(told?.events('assignment.changed').at(-1)).toEqual(changed)
    }
    expect(socket.events('participant.removed')).toEqual([{ conversationId: id, userId: before.id }])
    expect(socket.events('participant.added').at(-1)).toMatchObject({ participant: { userId: next.id, role: 'agent' } })
    expect(world.audits).toContainEqual(
      expect.objectContaining({ action: 'conversation.reassigned', reason: 'Knows it better' }),
    )
  })

  test('lets one who was only a member in it read all', async () => {
    const business = newBusiness(world)
    const before = await business.addAgent()
    const { id } = (await business.open(world.newUser(), { initialMessage: { content: 'One' } })).body
    const expert = await business.addAgent()
    await business.manage(`POST /conversations/${id}/participants`, { userId: expert.id })
    expect((await history(expert.id, id)).body.items).toEqual([])
    const token = (await world.http<Changes>(expert.id, 'GET /sync')).body.next
    await business.manage(`POST /business/conversations/${id}/reassign`, { agentId: expert.id })
    expect((await history(expert.id, id)).body.items.map(({ seq }) => seq)).toEqual([1])
    const changes = (await world.http<Changes>(expert.id, `GET /sync?since=${token}`)).body
    expect(changes.messages.map(({ seq }) => seq)).toEqual([1])
    expect((await history(before.id, id)).status).toBe(404)
    await business.manage(`POST /business/conversations/${id}/reassign`, { agentId: before.id })
    expect((await history(expert.id, id)).status).toBe(404)
  })

  test('leaves one that nobody has in its place', async () => {
    const business = newBusiness(world)
    const [first, second] = [
      (await business.open(world.newUser())).body.id,
      (await business.open(world.newUser())).body.id,
    ]
    const agent = await business.addAgent({ limit: 1, offline: true })
    await world.connect(agent.id)
    world.replays.takeAll()
    const { body } = await business.manage<OpenedConversation>(`POST /business/conversations/${second}/reassign`)
    expect(body.assignment).toEqual({ status: 'queued', agentId: null, position: 1 })
    expect(await assignmentOf(first)).toMatchObject({ status: 'assigned', agent_id: agent.id })
  })

  test('without a name goes to somebody else, or waits when there is nobody else', async () => {
    const business = newBusiness(world)
    const first = await business.addAgent()
    const { id } = (await business.open(world.newUser())).body
    const reassign = () => business.manage<OpenedConversation>(`POST /business/conversations/${id}/reassign`)
    expect((await reassign()).body.assignment).toMatchObject({ status: 'queued', agentId: null, position: 1 })
    expect((await history(first.id, id)).status).toBe(404)
    const second = await business.addAgent()
    const { agentId } = (await assignmentOf(id)).agent_id === first.id ? { agentId: second.id } : { agentId: first.id }
    expect((await reassign()).body.assignment).toMatchObject({ status: 'assigned', agentId })
  })

  test('is refused past the limit, to who is away, to who is no agent, and of what is closed', async () => {
    const business = newBusiness(world)
    await business.addAgent({ limit: 1 })
    const [offline, full] = [await business.addAgent({ offline: true }), await business.addAgent({ limit: 1 })]
    const [one, two, three] = [
      await business.open(world.newUser()),
      await business.open(world.newUser()),
      await business.open(world.newUser()),
    ]
    const assign = (id: string, agentId: string) =>
      business.manage(`POST /business/conversations/${id}/assign`, { agentId })
    expect(three.body.assignment.status).toBe('queued')
    expect(await assign(three.body.id, full.id)).toMatchObject({ status: 409, body: { code: 'agent_not_available' } })
    expect(await assign(three.body.id, offline.id)).toMatchObject({
      status: 409,
      body: { code: 'agent_not_available' },
    })
    expect(await assign(three.body.id, randomUUID())).toMatchObject({ status: 404 })
    const owners = new Map([one, two].map(({ body }) => [body.assignment.agentId, body.id]))
    expect(await assign(owners.get(full.id) ?? '', offline.id)).toMatchObject({
      status: 409,
      body: { code: 'already_assigned' },
    })
    expect((await assign(owners.get(full.id) ?? '', full.id)).status).toBe(200)
    await business.close(three.body.id)
    expect(await assign(three.body.id, full.id)).toMatchObject({ status: 409, body: { code: 'conversation_closed' } })
  })

  test('out of hours is possible for the business by hand', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    await business.setHours(neverOpen)
    const { id } = (await business.open(world.newUser())).body
    const { body } = await business.manage<OpenedConversation>(`POST /business/conversations/${id}/assign`, {
      agentId: agent.id,
    })
    expect(body.assignment).toMatchObject({ status: 'assigned', agentId: agent.id })
  })
})

describe('a closed conversation', () => {
  test('is closed by its agent, not by its customer, and opened again by the customer’s message', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const customer = world.newUser()
    const socket = await world.connect(customer)
    const { id } = (await business.open(customer)).body
    const close = (userId: string) => world.http<OpenedConversation>(userId, `POST /business/conversations/${id}/close`)
    expect(await close(customer)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect((await close(agent.id)).body.assignment).toEqual({ status: 'closed', agentId: agent.id, position: null })
    expect((await close(agent.id)).status).toBe(200)
    expect(socket.events('assignment.changed').at(-1)).toEqual({
      conversationId: id,
      status: 'closed',
      agentId: agent.id,
    })
    expect((await send(agent.id, id, 'Bye')).status).toBe(201)
    expect(await assignmentOf(id)).toMatchObject({ status: 'closed' })
    const again = await send(customer, id, 'One more thing')
    expect(again).toMatchObject({ status: 201, body: { seq: 2 } })
    expect(await assignmentOf(id)).toMatchObject({ status: 'assigned', agent_id: agent.id, closed_at: null })
    expect((await history(agent.id, id)).body.items).toHaveLength(2)
  })

  test('stays closed when the customer has a newer one that is open', async () => {
    const business = newBusiness(world)
    await business.addAgent()
    const customer = world.newUser()
    const old = (await business.open(customer)).body.id
    const message = v7()
    await world.http(customer, `POST /conversations/${old}/messages`, { body: { id: message, content: 'Hi' } })
    await business.close(old)
    const repeated = await world.http(customer, `POST /conversations/${old}/messages`, {
      body: { id: message, content: 'Hi' },
    })
    expect(repeated.status).toBe(200)
    expect(await assignmentOf(old)).toMatchObject({ status: 'closed' })
    const { status, body } = await business.open(customer)
    expect(status).toBe(201)
    expect(body.id).not.toBe(old)
    expect(await send(customer, old, 'Hello?')).toMatchObject({ status: 409, body: { code: 'another_open' } })
    expect(await business.manage(`POST /business/conversations/${old}/reopen`)).toMatchObject({
      status: 409,
      body: { code: 'another_open' },
    })
  })

  test('opened again waits when its agent can take no more, and its customer is told', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent({ limit: 1 })
    const customer = world.newUser()
    const { id } = (await business.open(customer)).body
    await business.close(id)
    await business.open(world.newUser())
    await send(customer, id, 'Again')
    expect(await assignmentOf(id)).toMatchObject({ status: 'queued', agent_id: null })
    expect((await history(customer, id)).body.items.map(({ type }) => type)).toEqual(['text', 'system'])
    expect((await history(agent.id, id)).status).toBe(404)
  })

  test('opened again waits behind those who wait already, although it is the older one', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent({ limit: 1 })
    const customer = world.newUser()
    const old = (await business.open(customer)).body.id
    await business.close(old)
    const path = `/business/${business.id}/agents/${agent.id}/availability`
    await business.manage(`PUT ${path}`, { isAvailable: false })
    const waiting = (await business.open(world.newUser())).body.id
    await send(customer, old, 'Again')
    expect((await business.inbox('?status=queued')).map(({ id }) => id)).toEqual([waiting, old])
    await business.manage(`PUT ${path}`, { isAvailable: true })
    expect(await assignmentOf(waiting)).toMatchObject({ status: 'assigned', agent_id: agent.id })
    expect(await assignmentOf(old)).toMatchObject({ status: 'queued' })
  })
})

describe('the business', () => {
  test('reads, writes, hears and types in its conversations without being in them', async () => {
    const business = newBusiness(world)
    const customer = world.newUser()
    const socket = await world.connect(business.manager, { businessId: business.id })
    const customerSocket = await world.connect(customer)
    const { id } = (await business.open(customer, { initialMessage: { content: 'Anybody?' } })).body
    expect(socket.events('conversation.created')).toMatchObject([
      { conversation: { id, business: { status: 'queued' } } },
    ])
    expect(socket.events('message.created')).toHaveLength(2)
    const seen = await business.manage<Conversation>(`GET /conversations/${id}`)
    expect(seen.body).toMatchObject({ id, unreadCount: 0, lastMessage: { seq: 2 } })
    expect(seen.body.participants.map(({ userId }) => userId)).toEqual([customer])
    const sent = await socket.send({
      action: 'message.send',
      requestId: 's',
      data: { conversationId: id, content: 'The business itself' },
    })
    expect(sent).toMatchObject({ event: 'ack', data: { seq: 3 } })
    expect(customerSocket.events('message.created').at(-1)).toMatchObject({
      message: { seq: 3, senderId: business.manager },
    })
    expect(socket.events('message.created')).toHaveLength(2)
    await customerSocket.send({ action: 'typing.start', data: { conversationId: id } })
    expect(socket.events('typing.started')).toMatchObject([{ conversationId: id, userId: customer }])
    const messageId = (sent.data as { id: string }).id
    expect((await business.manage(`DELETE /conversations/${id}/messages/${messageId}`)).status).toBe(204)
    expect((await business.manage(`PUT /conversations/${id}/read`)).body).toEqual({ lastReadSeq: 3, unreadCount: 0 })
    await socket.send({ action: 'sync', requestId: 'y', data: { conversations: [{ id, afterSeq: 0 }] } })
    await world.drain()
    expect(socket.events('messages.batch')).toMatchObject([{ messages: [{ seq: 1 }, { seq: 2 }, { seq: 3 }] }])
    await socket.close()
    await send(customer, id, 'Gone?')
    expect(socket.events('message.created')).toHaveLength(2)
  })

  test('hears nothing of another one’s conversations', async () => {
    const [business, rival] = [newBusiness(world), newBusiness(world)]
    const socket = await world.connect(rival.manager, { businessId: rival.id })
    const { id } = (await business.open(world.newUser(), { initialMessage: { content: 'Hi' } })).body
    expect(world.push.frames.filter(frame => frame.connectionId === socket.connectionId)).toEqual([])
    expect((await rival.manage(`GET /conversations/${id}`)).status).toBe(404)
  })

  test('lets members into a conversation and out again, but neither its customer nor its agent', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const customer = world.newUser()
    const { id } = (await business.open(customer, { initialMessage: { content: 'Hi' } })).body
    const expert = world.newUser()
    const path = `/conversations/${id}/participants`
    expect((await world.http(agent.id, `POST ${path}`, { body: { userId: expert } })).status).toBe(403)
    expect((await business.manage(`POST ${path}`, { userId: expert })).status).toBe(201)
    expect((await history(expert, id)).body.items).toEqual([])
    for (const userId of [customer, agent.id]) {
      const answer = await business.manage(`DELETE ${path}/${userId}`)
      expect(answer).toMatchObject({ status: 409, body: { code: 'business_conversation' } })
    }
    expect(await business.manage(`PUT ${path}/${expert}/role`, { role: 'admin' })).toMatchObject({ status: 409 })
    expect(await business.manage(`PATCH /conversations/${id}`, { name: 'Ours' })).toMatchObject({ status: 409 })
    expect((await business.manage(`DELETE ${path}/${expert}`)).status).toBe(204)
    expect((await history(expert, id)).status).toBe(404)
  })

  test('lets members in, too, where its owner is the agent', async () => {
    const business = newBusiness(world)
    expect((await business.manage(`POST /business/${business.id}/agents/${business.manager}`)).status).toBe(201)
    await world.connect(business.manager, { businessId: business.id })
    await world.drain()
    const { body } = await business.open(world.newUser())
    expect(body.assignment.agentId).toBe(business.manager)
    const member = { userId: world.newUser() }
    expect((await business.manage(`POST /conversations/${body.id}/participants`, member)).status).toBe(201)
  })

  test('has an inbox in pages, of which an agent sees the content of their own only', async () => {
    const business = newBusiness(world)
    const [one, two] = [await business.addAgent({ limit: 2 }), await business.addAgent({ limit: 2 })]
    for (let n = 0; n < 7; n += 1) await business.open(world.newUser(), { initialMessage: { content: `No. ${n}` } })
    const all = await business.inbox()
    expect(all.map(({ business: standing }) => standing?.status)).toEqual([
      ...Array(3).fill('queued'),
      ...Array(4).fill('assigned'),
    ])
    const paged: string[] = []
    let cursor = ''
    do {
      const { body } = await business.manage<ConversationPage>(`GET /business/${business.id}/inbox?limit=3${cursor}`)
      paged.push(...body.items.map(({ id }) => id))
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`
    } while (cursor !== '')
    expect(paged).toEqual(all.map(({ id }) => id))
    const seen = (await world.http<ConversationPage>(one.id, `GET /business/${business.id}/inbox`)).body.items
    expect(seen).toHaveLength(7)
    for (const item of seen) {
      expect(item.lastMessage === null).toBe(item.business?.agentId !== one.id)
    }
    const ofTwo = await business.inbox(`?agentId=${two.id}`)
    expect(ofTwo.map(({ business: standing }) => standing?.agentId)).toEqual([two.id, two.id])
    const foreign = await business.manage<ConversationPage>(`GET /business/${business.id}/inbox?limit=3`)
    const other = newBusiness(world)
    expect(await other.manage(`GET /business/${other.id}/inbox?cursor=${foreign.body.nextCursor}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_cursor' },
    })
  })

  test('counts what it has, and how long the first answers took', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent({ limit: 2 })
    const ids = []
    for (let n = 0; n < 3; n += 1) ids.push((await business.open(world.newUser())).body.id)
    const [first = '', second = ''] = ids
    world.clock.advance(10_000)
    await send(agent.id, first, 'Ten seconds')
    world.clock.advance(20_000)
    await send(agent.id, second, 'Thirty seconds')
    world.clock.advance(-30_000)
    await business.close(first)
    const stats = (await business.manage<BusinessStats>(`GET /business/${business.id}/stats`)).body
    expect(stats).toMatchObject({ queued: 0, assigned: 2, closed: 1 })
    expect(stats.medianFirstResponseSeconds).toBeCloseTo(20, -1)
    expect(stats.agents).toMatchObject([{ agentId: agent.id, assigned: 2, closed: 1 }])
    const agents = (await business.manage<{ items: Agent[] }>(`GET /business/${business.id}/agents/stats`)).body.items
    expect(agents).toMatchObject([
      { agentId: agent.id, status: 'online', isAvailable: true, activeChats: 2, maxConcurrentChats: 2, closed: 1 },
    ])
  })

  test('is online while an agent could take a chat, away while they are full, offline without any', async () => {
    const business = newBusiness(world)
    const presence = async () => (await business.manage(`GET /business/${business.id}/presence`)).body
    expect(await presence()).toEqual({ status: 'offline', agentsOnline: 0 })
    await business.addAgent({ limit: 1 })
    expect(await presence()).toEqual({ status: 'online', agentsOnline: 1 })
    const { id } = (await business.open(world.newUser())).body
    expect(await presence()).toEqual({ status: 'away', agentsOnline: 1 })
    await business.close(id)
    await business.setHours(neverOpen)
    expect(await presence()).toEqual({ status: 'away', agentsOnline: 1 })
    expect((await business.manage(`GET /business/${business.id}/hours/status`)).body).toEqual({
      isOpen: false,
      nextOpeningAt: null,
      nextClosingAt: null,
    })
    expect((await business.manage(`GET /business/${business.id}/hours`)).body).toEqual(neverOpen)
  })

  test('has agents once, and says who they are', async () => {
    const business = newBusiness(world)
    const agentId = world.newUser()
    const add = () => business.manage<Agent>(`POST /business/${business.id}/agents/${agentId}`)
    expect((await add()).status).toBe(201)
    expect(await add()).toMatchObject({
      status: 200,
      body: { agentId, isAvailable: true, status: 'offline', activeChats: 0, maxConcurrentChats: 5, skills: [] },
    })
    const unknown = `/business/${business.id}/agents/${randomUUID()}`
    for (const answer of [
      await business.manage(`PUT ${unknown}/configure`, { maxConcurrentChats: 5, skills: [] }),
      await business.manage(`PUT ${unknown}/availability`, { isAvailable: true }),
    ]) {
      expect(answer.status).toBe(404)
    }
    const wrong = await business.manage(`PUT /business/${business.id}/agents/${agentId}/configure`, {
      maxConcurrentChats: 21,
      skills: [],
    })
    expect(wrong.status).toBe(400)
  })
})

// The last: from here on a sweep has more to look at.
test('the sweep comes to every business, in jobs of a few', async () => {
  const opened = await Promise.all(Array.from({ length: 27 }, () => newBusiness(world).open(world.newUser())))
  const ids = opened.map(({ body }) => body.id)
  await sql`update business_conversations set is_told_to_wait = false where conversation_id = any(${ids})`.execute(
    world.db,
  )
  world.clock.advance(11_000)
  try {
    await world.sweep('business')
  } finally {
    world.clock.advance(-11_000)
  }
  const told = await world.db
    .selectFrom('business_conversations')
    .selectAll()
    .where('is_told_to_wait', '=', true)
    .execute()
  expect(told.map(row => row.conversation_id)).toEqual(expect.arrayContaining(ids))
})
