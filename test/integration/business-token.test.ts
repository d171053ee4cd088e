import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { v7 } from 'uuid'
import type { OpenedConversation } from '../../shared/business/business.schema.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { insertMessage } from '../../shared/messages/messages.repository.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import type { PresenceList } from '../../shared/presence/presence.schema.ts'
import type { Changes } from '../../shared/sync/changes.schema.ts'
import { changesSince } from '../../shared/sync/changes.ts'
import { newBusiness, type TestBusiness } from '../support/business.ts'
import { openWorld, type Socket, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(() => {
  world.replays.takeAll()
})

const nothing = { conversations: [], messages: [], deletions: [], reads: [], left: [], hasMore: false }
const send = async (userId: string, id: string, content: string) =>
  (await world.http<Message>(userId, `POST /conversations/${id}/messages`, { body: { content } })).body
const since = async (business: TestBusiness, token?: string): Promise<Changes> => {
  const { status, body } = await business.manage<Changes>(`GET /sync${token ? `?since=${token}` : ''}`)
  expect(status).toBe(200)
  return body
}
const socketOf = (business: TestBusiness, userId = business.manager): Promise<Socket> =>
  world.connect(userId, { businessId: business.id })

describe('GET /sync of a business', () => {
  test('tells of a new conversation and its messages as the other routes show them', async () => {
    const business = newBusiness(world)
    const { next } = await since(business)
    const customer = world.newUser()
    const { id } = (await business.open(customer, { initialMessage: { content: 'Hello?' } })).body
    const changes = await since(business, next)
    const [seen, history] = await Promise.all([
      business.manage<Conversation>(`GET /conversations/${id}`),
      business.manage<MessagePage>(`GET /conversations/${id}/messages`),
    ])
    expect(changes.conversations).toEqual([seen.body])
    expect(changes.messages).toEqual(history.body.items)
    expect(changes.messages.map(({ type }) => type)).toEqual(['text', 'system'])
    expect(changes.reads).toEqual([{ conversationId: id, userId: customer, lastReadSeq: 1 }])
    expect(await since(business, changes.next)).toMatchObject(nothing)
  })

  test('tells of whatever changes in one that is long known, and of each once', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const customer = world.newUser()
    const { id } = (await business.open(customer, { initialMessage: { content: 'One' } })).body
    let token = (await since(business)).next
    const afterwards = async (change: () => Promise<unknown>): Promise<Changes> => {
      await change()
      const changes = await since(business, token)
      token = changes.next
      expect(await since(business, token)).toMatchObject(nothing)
      return changes
    }
    const member = world.newUser()
    const standing = { id, business: { status: 'assigned', agentId: agent.id } }

    const answered = await afterwards(() => send(agent.id, id, 'Two'))
    expect(answered).toMatchObject({ conversations: [standing], messages: [{ seq: 2, senderId: agent.id }] })
    const read = await afterwards(() => world.http(customer, `PUT /conversations/${id}/read`))
    expect(read).toMatchObject({ messages: [], reads: [{ conversationId: id, userId: customer, lastReadSeq: 2 }] })
    const joined = await afterwards(() => business.manage(`POST /conversations/${id}/participants`, { userId: member }))
    expect(joined.conversations[0]?.participants.map(({ userId }) => userId)).toContain(member)
    const closed = await afterwards(() => business.close(id))
    expect(closed).toMatchObject({ conversations: [{ id, business: { status: 'closed' } }], messages: [] })
    // What is closed still changes.
    const late = await afterwards(() => send(agent.id, id, 'Bye'))
    expect(late).toMatchObject({ messages: [{ seq: 3 }] })
    const deleted = await afterwards(() =>
      world.http(agent.id, `DELETE /conversations/${id}/messages/${late.messages[0]?.id}`),
    )
    expect(deleted).toMatchObject({ messages: [], deletions: [{ conversationId: id, seq: 3 }] })
    const reopened = await afterwards(() => business.manage(`POST /business/conversations/${id}/reopen`))
    expect(reopened).toMatchObject({ conversations: [standing], messages: [], left: [] })
  })

  test('misses nothing that was still being committed when the token was given', async () => {
    const business = newBusiness(world)
    const customer = world.newUser()
    const { id } = (await business.open(customer)).body
    const message = { id: v7(), conversationId: id, senderId: customer, type: 'text' as const, content: 'Late' }
    const key = await world.deps.contentKeys.active(world.db)
    const late = await world.db.transaction().execute(async trx => {
      await insertMessage(trx, key, { ...message, metadata: null }, new Date())
      return (await since(business)).next
    })
    const changes = await since(business, late)
    expect(changes.messages).toMatchObject([{ id: message.id, content: 'Late' }])
    expect(await since(business, changes.next)).toMatchObject(nothing)
  })

  test('comes in pages, each conversation and each message on one of them', async () => {
    const business = newBusiness(world)
    await business.addAgent({ limit: 20 })
    const viewer = { id: business.manager, businessId: business.id }
    let token = (await changesSince(world.deps, viewer)).next
    const made: string[] = []
    for (let n = 0; n < 5; n += 1) {
      const customer = world.newUser()
      const { id } = (await business.open(customer, { initialMessage: { content: 'First' } })).body
      await send(customer, id, 'Second')
      made.push(id)
    }
    const size = { conversations: 2, messages: 3, messageBytes: 1_000_000 }
    const pages: Changes[] = []
    do {
      const page = await changesSince(world.deps, viewer, token, size)
      pages.push(page)
      token = page.next
    } while (pages.at(-1)?.hasMore)
    expect(pages.length).toBeGreaterThan(3)
    expect(pages.flatMap(({ conversations }) => conversations.map(({ id }) => id))).toEqual(made.toSorted())
    const told = pages.flatMap(({ messages }) => messages.map(({ conversationId, seq }) => `${conversationId} ${seq}`))
    expect(told).toEqual(made.toSorted().flatMap(id => [`${id} 1`, `${id} 2`]))
  })

  test('tells its owner, who was an agent of it, that they go on seeing all', async () => {
    const business = newBusiness(world)
    await business.manage(`POST /business/${business.id}/agents/${business.manager}`)
    await socketOf(business)
    await world.drain()
    const { id } = (await business.open(world.newUser(), { initialMessage: { content: 'Hi' } })).body
    const token = (await since(business)).next
    await business.manage(`DELETE /business/${business.id}/agents/${business.manager}`)
    const changes = await since(business, token)
    expect(changes).toMatchObject({ conversations: [{ id, business: { status: 'queued' } }], left: [] })
    expect(changes.messages).toMatchObject([{ seq: 2, type: 'system' }])
  })

  test('is not for its token without the business, nor for another business', async () => {
    const [business, rival] = [newBusiness(world), newBusiness(world)]
    const [token, ofRival] = [(await since(business)).next, (await since(rival)).next]
    const own = (await world.http<Changes>(business.manager, 'GET /sync')).body.next
    await business.open(world.newUser(), { initialMessage: { content: 'In confidence' } })
    expect(await since(rival, ofRival)).toMatchObject(nothing)
    const foreign = { status: 400, body: { code: 'invalid_cursor' } }
    expect(await world.http(business.manager, `GET /sync?since=${token}`)).toMatchObject(foreign)
    expect(await business.manage(`GET /sync?since=${own}`)).toMatchObject(foreign)
    expect(await world.http(business.manager, `GET /sync?since=${token}`, { businessId: rival.id })).toMatchObject(
      foreign,
    )
  })
})

describe('the sockets of a business', () => {
  const changesSeenBy = (socket: Socket, userId: string) =>
    socket.events('presence.changed').filter(change => change.userId === userId)

  test('hear who comes and goes of the customers and agents in its open conversations', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const customer = world.newUser()
    const { id } = (await business.open(customer)).body
    const socket = await socketOf(business)
    const watching = await socketOf(newBusiness(world))
    const ofCustomer = await world.connect(customer)
    await world.drain()
    expect(changesSeenBy(socket, customer)).toEqual([{ userId: customer, status: 'online', lastSeenAt: null }])
    expect(changesSeenBy(watching, customer)).toEqual([])

    await Promise.all([ofCustomer.close(), agent.socket?.close()])
    world.clock.advance(6_000)
    try {
      await world.sweep('presence')
      for (const userId of [customer, agent.id]) {
        expect(changesSeenBy(socket, userId).at(-1)).toMatchObject({ userId, status: 'offline' })
      }
      await business.close(id)
      const before = changesSeenBy(socket, customer).length
      await world.connect(customer)
      await world.drain()
      expect(changesSeenBy(socket, customer)).toHaveLength(before)
    } finally {
      world.clock.advance(-6_000)
    }
  })

  test('hear of each once, of whomever they hear: as the business and as its agent', async () => {
    const business = newBusiness(world)
    await business.manage(`POST /business/${business.id}/agents/${business.manager}`)
    const socket = await socketOf(business)
    await world.drain()
    const [ofOwner, ofColleague, friend] = [world.newUser(), world.newUser(), world.newUser()]
    await business.open(ofOwner)
    const colleague = await business.addAgent()
    const { body } = await business.open(ofColleague)
    expect(body.assignment.agentId).toBe(colleague.id)
    await world.http(friend, 'POST /conversations/direct', { body: { targetUserId: business.manager } })
    const all = [ofOwner, ofColleague, friend]
    const sockets = await Promise.all(all.map(userId => world.connect(userId)))
    await world.drain()
    for (const each of sockets) await each.close()
    world.clock.advance(6_000)
    try {
      await world.sweep('presence')
    } finally {
      world.clock.advance(-6_000)
    }
    for (const userId of all) {
      expect(changesSeenBy(socket, userId).map(({ status }) => status)).toEqual(['online', 'offline'])
    }
  })

  test('may ask who is online of those in its conversations, and of nobody else', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const [customer, stranger] = [world.newUser(), world.newUser()]
    await business.open(customer)
    for (const userId of [customer, stranger]) await world.connect(userId)
    const userIds = [agent.id, customer, stranger]
    const socket = await socketOf(business)
    const answer = await socket.send({ action: 'presence.get', requestId: 'p', data: { userIds } })
    const statuses = ({ items }: PresenceList) => items.map(({ status }) => status)
    expect(statuses(answer.data as PresenceList)).toEqual(['online', 'online', 'offline'])
    const asked = await business.manage<PresenceList>(`GET /presence?userIds=${userIds}`)
    expect(statuses(asked.body)).toEqual(['online', 'online', 'offline'])
    const rival = newBusiness(world)
    expect(statuses((await rival.manage<PresenceList>(`GET /presence?userIds=${userIds}`)).body)).toEqual(
      Array(3).fill('offline'),
    )
  })

  test('hear what was sent while Redis did not say who is to hear it, the service’s own words, too', async () => {
    const business = newBusiness(world)
    const customer = world.newUser()
    const socket = await socketOf(business)
    await world.drain()
    let id = ''
    await world.withoutRouting(async () => {
      id = (await business.open(customer, { initialMessage: { content: 'Anybody?' } })).body.id
    })
    expect(socket.events('message.created')).toEqual([])
    await world.drain()
    const history = (await business.manage<MessagePage>(`GET /conversations/${id}/messages`)).body.items
    expect(history.map(({ type }) => type)).toEqual(['text', 'system'])
    expect(socket.events('message.created').map(({ message }) => message)).toEqual(history)
  })

  test('on its other devices get what one writes, with its status; those of a colleague without', async () => {
    const business = newBusiness(world)
    const { id } = (await business.open(world.newUser())).body
    const [writing, other] = [await socketOf(business), await socketOf(business)]
    const colleague = await socketOf(business, world.newUser())
    await writing.send({ action: 'message.send', requestId: 's', data: { conversationId: id, content: 'Hello' } })
    expect(writing.events('message.created')).toEqual([])
    expect(other.events('message.created')).toMatchObject([{ message: { content: 'Hello', status: 'sent' } }])
    const [seen] = colleague.events('message.created') as [{ message: Message }]
    expect(seen.message).toMatchObject({ content: 'Hello' })
    expect(seen.message.status).toBeUndefined()
  })
})

test('a business has read everything: saying so moves nothing and tells nobody', async () => {
  const business = newBusiness(world)
  const customer = world.newUser()
  const { id } = (await business.open(customer, { initialMessage: { content: 'Hello?' } })).body
  const socket = await socketOf(business)
  const ofCustomer = await world.connect(customer)
  await world.drain()
  expect((await business.manage<OpenedConversation>(`GET /conversations/${id}`)).body.unreadCount).toBe(0)
  expect(
    await socket.send({ action: 'message.read', requestId: 'r', data: { conversationId: id, seq: 1 } }),
  ).toMatchObject({
    event: 'ack',
    data: { unreadCount: 0 },
  })
  expect(await business.manage(`PUT /conversations/${id}/read`, { seq: 1 })).toMatchObject({
    status: 200,
    body: { lastReadSeq: 2, unreadCount: 0 },
  })
  expect(ofCustomer.events('message.read')).toEqual([])
  const { body } = await world.http<MessagePage>(customer, `GET /conversations/${id}/messages`)
  expect(body.items[0]).toMatchObject({ seq: 1, status: 'sent' })
})
