import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import { topology } from '../../infra/topology.ts'
import type { Changes } from '../../shared/sync/changes.schema.ts'
import { newBusiness, type TestBusiness } from '../support/business.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
let business: TestBusiness
let agentId: string
let colleague: string
/** Had the conversation before. */
let former: string
let formerSince: string
let customer: string
let conversationId: string
let messageId: string
beforeAll(async () => {
  world = await openWorld()
  business = newBusiness(world)
  former = (await business.addAgent()).id
  customer = world.newUser()
  const { body } = await business.open(customer, { initialMessage: { content: 'In confidence' } })
  conversationId = body.id
  messageId = body.lastMessage?.id ?? ''
  await world.http(former, `POST /conversations/${conversationId}/messages`, { body: { content: 'Hello' } })
  formerSince = (await world.http<Changes>(former, 'GET /sync')).body.next
  agentId = (await business.addAgent()).id
  await business.manage(`POST /business/conversations/${conversationId}/reassign`, { agentId })
  colleague = (await business.addAgent()).id
})
afterAll(() => world.close())

const keyOf = (route: { method: string; path: string }) => `${route.method} ${route.path}`
const filled = (key: string) =>
  key
    .replace('{businessId}', business.id)
    .replace('{agentId}', agentId)
    .replace('{messageId}', messageId)
    .replace('{userId}', customer)
    .replace('{id}', conversationId)

const ofBusiness = topology.httpRoutes.map(keyOf).filter(key => key.includes('/business/'))
const ofConversation = topology.httpRoutes.map(keyOf).filter(key => key.includes(' /conversations/{id}'))
/** What a route of a conversation has to be given to be understood at all. */
const bodies: Record<string, object> = {
  'POST /conversations/{id}/messages': { content: 'Intruder' },
  'PATCH /conversations/{id}': { name: 'Mine' },
  'POST /conversations/{id}/participants': { userId: randomUUID() },
  'PUT /conversations/{id}/participants/{userId}/role': { role: 'member' },
  'PUT /conversations/{id}/mute': { isMuted: true },
}
const actions: [string, () => object][] = [
  ['message.send', () => ({ conversationId, content: 'Intruder' })],
  ['message.delete', () => ({ conversationId, messageId })],
  ['message.delivered', () => ({ conversationId, seq: 1 })],
  ['message.read', () => ({ conversationId, seq: 1 })],
  ['typing.start', () => ({ conversationId })],
  ['typing.stop', () => ({ conversationId })],
]

/** All that the routes could change. */
const stateOf = async () => {
  const rows = await sql`
    select to_jsonb(b) as b, to_jsonb(c) as c, to_jsonb(v) as v,
      (select jsonb_agg(a order by agent_id) from agents as a where a.business_id = b.id) as agents,
      (select jsonb_agg(p order by user_id) from participants as p where p.conversation_id = v.id) as participants
    from businesses as b join business_conversations as c on c.business_id = b.id
      join conversations as v on v.id = c.conversation_id
    where b.id = ${business.id}::uuid`.execute(world.db)
  return rows.rows
}

/** Agents of another business, one of them with its token, too; and a user who is nobody's agent. */
const intruders = async () => {
  const rival = newBusiness(world)
  const rivalAgent = (await rival.addAgent()).id
  return [
    { userId: rivalAgent },
    { userId: rivalAgent, businessId: rival.id },
    { userId: rival.manager, businessId: rival.id },
    { userId: world.newUser() },
  ]
}

describe('an agent of another business', () => {
  test.each([...ofBusiness, ...ofConversation])('is refused %s, changes nothing, and it is on record', async key => {
    const before = await stateOf()
    for (const { userId, businessId } of await intruders()) {
      const options = { ...(bodies[key] && { body: bodies[key] }), ...(businessId && { businessId }) }
      const { status, body } = await world.http(userId, filled(key), options)
      expect([403, 404]).toContain(status)
      expect(['forbidden', 'not_found']).toContain(body.code)
      expect(JSON.stringify(body)).not.toContain('In confidence')
      expect(world.audits.at(-1)).toMatchObject({
        action: 'access.refused',
        userId,
        businessId,
        route: key,
        target: key.includes('{businessId}') ? { businessId: business.id } : { conversationId },
        reason: body.code,
      })
    }
    expect(await stateOf()).toEqual(before)
  })

  test.each(actions)('is refused the action %s, and it is on record', async (action, data) => {
    const before = await stateOf()
    for (const { userId, businessId } of await intruders()) {
      const socket = await world.connect(userId, businessId ? { businessId } : {})
      const answer = await socket.send({ action, requestId: 'r', data: data() })
      expect(answer).toMatchObject({ event: 'error', error: { code: 'not_found' } })
      expect(world.audits.at(-1)).toMatchObject({
        action: 'access.refused',
        userId,
        businessId,
        route: action,
        target: { conversationId },
        reason: 'not_found',
      })
    }
    expect(await stateOf()).toEqual(before)
  })

  test.each([
    ['message.delivered', (ids: string[]) => ({ positions: ids.map(id => ({ conversationId: id, seq: 1 })) })],
    ['message.read', (ids: string[]) => ({ positions: ids.map(id => ({ conversationId: id, seq: 1 })) })],
    ['sync', (ids: string[]) => ({ conversations: ids.map(id => ({ id, afterSeq: 0 })) })],
  ])('who names it among their own in %s is passed over, and it is on record', async (action, data) => {
    const before = await stateOf()
    const other = randomUUID()
    for (const { userId, businessId } of await intruders()) {
      const socket = await world.connect(userId, businessId ? { businessId } : {})
      const own = await world.http(userId, 'POST /conversations/direct', { body: { targetUserId: world.newUser() } })
      const named = [conversationId, String(own.body.id), other]
      expect(await socket.send({ action, requestId: 'r', data: data(named) })).toMatchObject({ event: 'ack' })
      const refused = { action: 'access.refused', userId, businessId, route: action, reason: 'not_found' }
      const target = { conversationIds: `${conversationId} ${other}` }
      expect(world.audits.at(-1)).toMatchObject({ ...refused, target })
      await world.drain()
      // And where all of them are refused.
      await socket.send({ action, requestId: 'r', data: data([conversationId]) })
      expect(world.audits.at(-1)).toMatchObject({ ...refused, target: { conversationId } })
      const records = world.audits.length
      await world.drain()
      await socket.send({ action, requestId: 'r', data: data([String(own.body.id)]) })
      expect(world.audits).toHaveLength(records)
      await world.drain()
    }
    expect(await stateOf()).toEqual(before)
  })

  test('gets nothing by sync, sees nobody’s presence, and finds it in no list', async () => {
    for (const { userId, businessId } of await intruders()) {
      const options = businessId ? { businessId } : {}
      const socket = await world.connect(userId, options)
      const { next } = (await world.http<Changes>(userId, 'GET /sync', options)).body
      await world.http(customer, `POST /conversations/${conversationId}/messages`, { body: { content: 'Still here' } })
      await socket.send({
        action: 'sync',
        requestId: 's',
        data: { conversations: [{ id: conversationId, afterSeq: 0 }] },
      })
      await world.drain()
      expect(socket.events('messages.batch')).toEqual([])
      expect(socket.events('sync.completed')).toMatchObject([{ conversations: [] }])
      const seen = await socket.send({ action: 'presence.get', requestId: 'p', data: { userIds: [agentId, customer] } })
      expect(seen).toMatchObject({ data: { items: [{ status: 'offline' }, { status: 'offline' }] } })
      for (const path of ['/conversations', `/sync?since=${next}`]) {
        const { status, body } = await world.http(userId, `GET ${path}`, options)
        expect(status).toBe(200)
        expect(JSON.stringify(body)).not.toContain(conversationId)
      }
      if (businessId) {
        const inbox = await world.http(userId, `GET /business/${businessId}/inbox`, options)
        expect(JSON.stringify(inbox.body)).not.toContain(conversationId)
      }
    }
  })
})

const managing = ofBusiness.filter(key => !key.startsWith('GET ') && !/availability|close|reopen/.test(key))

test.each(managing)('an agent of the business itself may not %s', async key => {
  expect(await world.http(agentId, filled(key))).toMatchObject({ status: 403, body: { code: 'forbidden' } })
})

test.each(ofBusiness.filter(key => !/hours|presence/.test(key)))('a customer may not %s', async key => {
  expect(await world.http(customer, filled(key))).toMatchObject({ status: 403, body: { code: 'forbidden' } })
})

describe('another agent of the business, also the one who had it before', () => {
  test.each(ofConversation)('does not see the conversation: %s', async key => {
    for (const userId of [colleague, former]) {
      const { status } = await world.http(userId, filled(key), bodies[key] ? { body: bodies[key] } : {})
      expect(status).toBe(404)
    }
  })

  test.each(ofBusiness.filter(key => key.includes('{id}')))('may not %s', async key => {
    for (const userId of [colleague, former]) expect((await world.http(userId, filled(key))).status).toBe(404)
  })

  test.each(actions)('is refused the action %s', async (action, data) => {
    for (const userId of [colleague, former]) {
      const socket = await world.connect(userId)
      const answer = await socket.send({ action, requestId: 'r', data: data() })
      expect(answer).toMatchObject({ event: 'error', error: { code: 'not_found' } })
    }
  })

  test('learns by GET /sync that it is to be forgotten, and nothing of what came after', async () => {
    await world.http(customer, `POST /conversations/${conversationId}/messages`, { body: { content: 'After you' } })
    const { body } = await world.http<Changes>(former, `GET /sync?since=${formerSince}`)
    expect(body).toMatchObject({ left: [conversationId], conversations: [], messages: [], reads: [] })
  })
})

test.each(ofBusiness.filter(key => key.startsWith('GET ')))('an agent of the business may %s', async key => {
  expect((await world.http(agentId, filled(key))).status).toBe(200)
})

test('a customer may know when the business is open, and whether somebody is there', async () => {
  for (const what of ['hours', 'hours/status', 'presence']) {
    expect((await world.http(customer, `GET /business/${business.id}/${what}`)).status).toBe(200)
  }
  expect((await world.http(customer, `PUT /business/${business.id}/hours`)).status).toBe(403)
})

test('an agent sets their own availability only', async () => {
  const path = (id: string) => `PUT /business/${business.id}/agents/${id}/availability`
  const body = { isAvailable: true }
  expect((await world.http(agentId, path(agentId), { body })).status).toBe(200)
  expect((await world.http(agentId, path(colleague), { body })).status).toBe(403)
})
