import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { Message } from '../../shared/messages/messages.schema.ts'
import {
  type ClientWorld,
  changesOf,
  directConversation,
  messageOf,
  openClientWorld,
  refusal,
} from '../support/client-world.ts'

const other = randomUUID()

const withConversation = async (view: Parameters<typeof directConversation>[2] = {}) => {
  const world = openClientWorld()
  const conversation = directConversation(world.userId, other, view)
  await world.online(conversation)
  const message = (seq: number) => messageOf(conversation, other, seq)
  return { world, conversation, id: conversation.id, message }
}
const created = (world: ClientWorld, message: Message) => world.socket.push('message.created', { message })
const batch = (world: ClientWorld, conversationId: string, messages: Message[]) =>
  world.socket.push('messages.batch', { conversationId, messages, replayed: true })
const seen = (world: ClientWorld) => world.heard('message').map(({ seq }) => seq)
const syncs = (world: ClientWorld) => world.socket.sent('sync').map(({ data }) => data.conversations)
const completed = (world: ClientWorld, ...conversations: { id: string; throughSeq: number; hasMore?: boolean }[]) =>
  world.socket.push('sync.completed', { conversations })
const reconnect = async (world: ClientWorld): Promise<void> => {
  await world.socket.end()
  await world.time.pass(1_000)
  await world.socket.accept()
}

describe('messages', () => {
  test('are seen once and in order, however they come', async () => {
    const { world, id, message } = await withConversation()
    const [first, second, third, fourth] = [1, 2, 3, 4].map(message) as [Message, Message, Message, Message]
    await created(world, second)
    await created(world, second)
    expect(seen(world)).toEqual([])
    await batch(world, id, [first, second, third])
    await created(world, third)
    await created(world, fourth)
    expect(seen(world)).toEqual([1, 2, 3, 4])
    await world.time.pass(5_000)
    expect(syncs(world)).toEqual([])
  })

  test('are asked for by sync when a gap stays open for 2 s, all gaps at once', async () => {
    const { world, id, message } = await withConversation()
    await created(world, message(3))
    await world.time.pass(1_900)
    expect(syncs(world)).toEqual([])
    await world.time.pass(200)
    expect(syncs(world)).toEqual([[{ id, afterSeq: 0 }]])
    await world.socket.ack('sync', { accepted: true })
    await batch(world, id, [1, 2, 3].map(message))
    await completed(world, { id, throughSeq: 3 })
    expect(seen(world)).toEqual([1, 2, 3])
  })

  test('are asked for as late as the server wants it', async () => {
    const { world, message } = await withConversation()
    await world.socket.ready({ gapSeconds: 5 })
    await created(world, message(2))
    await world.time.pass(4_900)
    expect(syncs(world)).toEqual([])
    await world.time.pass(200)
    expect(syncs(world)).toHaveLength(1)
  })

  test('that come again are not seen again when a gap behind them is filled', async () => {
    const { world, id, message } = await withConversation()
    await created(world, message(1))
    await created(world, message(3))
    await world.time.pass(2_000)
    await batch(world, id, [1, 2, 3].map(message))
    await created(world, message(1))
    world.answer(`GET /conversations/${id}/messages?after=3`, () => ({ body: { items: [], hasMore: false } }))
    await completed(world, { id, throughSeq: 4 })
    expect(seen(world)).toEqual([1, 2, 3])
  })

  test('that the server skips are skipped, once the server has shown that it has no others', async () => {
    const { world, id, message } = await withConversation()
    const [second, fourth] = [message(2), message(4)]
    await created(world, fourth)
    await world.time.pass(2_000)
    await batch(world, id, [second, fourth])
    world.answer(`GET /conversations/${id}/messages?after=0`, () => ({
      body: { items: [second, fourth], hasMore: false },
    }))
    await completed(world, { id, throughSeq: 5 })
    expect(seen(world)).toEqual([2, 4])
    await created(world, message(6))
    expect(seen(world)).toEqual([2, 4, 6])
  })

  test('of which a frame was lost on the way are fetched, page by page', async () => {
    const { world, id, message } = await withConversation()
    await created(world, message(4))
    await world.time.pass(2_000)
    world.answer(`GET /conversations/${id}/messages?after=0`, () => ({
      body: { items: [1, 2].map(message), hasMore: true },
    }))
    world.answer(`GET /conversations/${id}/messages?after=2`, () => ({
      body: { items: [3, 4].map(message), hasMore: false },
    }))
    await completed(world, { id, throughSeq: 4 })
    expect(seen(world)).toEqual([1, 2, 3, 4])
  })

  test('that are too many for one sync are asked for by the next', async () => {
    const { world, id, message } = await withConversation({ lastSeq: 3, delivered: 0 })
    expect(syncs(world)).toEqual([[{ id, afterSeq: 0 }]])
    await batch(world, id, [1, 2].map(message))
    await completed(world, { id, throughSeq: 2, hasMore: true })
    expect(syncs(world)).toEqual([[{ id, afterSeq: 0 }], [{ id, afterSeq: 2 }]])
    await batch(world, id, [message(3)])
    await completed(world, { id, throughSeq: 3, hasMore: false })
    expect(seen(world)).toEqual([1, 2, 3])
    expect(world.chat.connection).toBe('online')
  })

  test('that no device has acknowledged are seen by a client that begins', async () => {
    const { world, id, message } = await withConversation({ lastSeq: 7, delivered: 5 })
    expect(world.chat.connection).toBe('catching-up')
    await batch(world, id, [6, 7].map(message))
    await completed(world, { id, throughSeq: 7 })
    expect(seen(world)).toEqual([6, 7])
    expect(world.chat.connection).toBe('online')
  })

  test('in more than a hundred conversations are asked for a hundred at a time', async () => {
    const world = openClientWorld()
    const conversations = Array.from({ length: 150 }, () =>
      directConversation(world.userId, randomUUID(), { lastSeq: 1, delivered: 0 }),
    )
    await world.online(...conversations)
    const asked = world.socket.sent('sync')[0]?.data.conversations as { id: string }[]
    expect(asked).toHaveLength(100)
    for (const { id } of asked) await batch(world, id, [{ ...messageOf({ id } as Conversation, other, 1) }])
    await completed(world, ...asked.map(({ id }) => ({ id, throughSeq: 1 })))
    expect(syncs(world)[1]).toHaveLength(50)
  })

  test('are asked for again after the service has refused it for a while', async () => {
    const { world, message } = await withConversation()
    await created(world, message(2))
    await world.time.pass(2_000)
    await world.socket.refuse('sync', { code: 'rate_limited', status: 429, retryAfterSeconds: 40 })
    await world.time.pass(20_000)
    await world.socket.send('')
    await world.time.pass(20_000)
    expect(syncs(world)).toHaveLength(1)
    await world.time.pass(1_000)
    expect(syncs(world)).toHaveLength(2)
  })

  test('that were deleted before their turn has come are seen without content', async () => {
    const { world, id, message } = await withConversation()
    const [first, second] = [message(1), message(2)]
    const deletion = { conversationId: id, messageId: second.id, seq: 2, deletedAt: '2026-11-01T12:00:01.000Z' }
    await world.socket.push('message.deleted', deletion)
    await created(world, second)
    await created(world, first)
    expect(world.heard('message')).toMatchObject([
      { seq: 1, content: 'No. 1' },
      { seq: 2, content: null, deletedAt: deletion.deletedAt },
    ])
    expect(world.heard('deletion')).toEqual([deletion])
  })

  test('of a conversation that is not known here wait until it is', async () => {
    const { world } = await withConversation()
    const group = directConversation(world.userId, other, { lastSeq: 2, delivered: 2, type: 'group' })
    world.answer(`GET /conversations/${group.id}`, () => ({ body: group }))
    // Another device has acknowledged it already, yet it is new here.
    await created(world, messageOf(group, other, 2))
    expect(seen(world)).toEqual([2])
    expect(world.heard('conversation').map(({ id }) => id)).toContain(group.id)
  })

  test('of a conversation in which the user is not are dropped', async () => {
    const { world } = await withConversation()
    const foreign = directConversation(other, randomUUID())
    world.answer(`GET /conversations/${foreign.id}`, () => refusal({ code: 'not_found', status: 404 }))
    await created(world, messageOf(foreign, other, 1))
    await world.time.pass(10_000)
    expect(seen(world)).toEqual([])
    expect(world.heard('problem')).toEqual([])
  })
})

describe('after a connection was lost', () => {
  test('everything that has changed meanwhile is there, by the token of the last time', async () => {
    const { world, conversation, id, message } = await withConversation()
    await created(world, message(1))
    const fresh = directConversation(world.userId, randomUUID())
    const deletion = { conversationId: id, messageId: randomUUID(), seq: 1, deletedAt: '2026-11-01T12:00:01.000Z' }
    const reads = [{ conversationId: id, userId: other, lastReadSeq: 4 }]
    world.answer('GET /sync?since=token', () => ({
      body: { ...(changesOf({ messages: [2].map(message) }, 'page').body as object), hasMore: true },
    }))
    world.answer('GET /sync?since=page', () =>
      changesOf({ conversations: [fresh], messages: [message(3)], deletions: [deletion], reads }, 'later'),
    )
    await reconnect(world)
    expect(world.chat.connection).toBe('online')
    expect(seen(world)).toEqual([1, 2, 3])
    expect(world.chat.known.map(known => known.id).sort()).toEqual([conversation.id, fresh.id].sort())
    expect(world.heard('deletion')).toEqual([deletion])
    expect(world.chat.known.find(known => known.id === id)?.participants[1]?.lastReadSeq).toBe(4)
    expect(syncs(world)).toEqual([])

    world.answer('GET /sync?since=later', () => changesOf({ left: [id] }, 'last'))
    await reconnect(world)
    expect(world.heard('left')).toEqual([{ conversationId: id }])
    expect(world.chat.known).toMatchObject([{ id: fresh.id }])
  })

  test('what is still missing is asked for by sync', async () => {
    const { world, conversation, id, message } = await withConversation()
    await created(world, message(1))
    world.answer('GET /sync?since=', () => changesOf({ conversations: [{ ...conversation, lastSeq: 2 }] }))
    await reconnect(world)
    expect(world.chat.connection).toBe('catching-up')
    expect(syncs(world)).toEqual([[{ id, afterSeq: 1 }]])
    await batch(world, id, [message(2)])
    await completed(world, { id, throughSeq: 2 })
    expect(seen(world)).toEqual([1, 2])
    expect(world.chat.connection).toBe('online')
  })

  test('everything is loaded anew when the token is too old, and nothing is seen twice', async () => {
    const { world, conversation, id, message } = await withConversation()
    await created(world, message(1))
    world.answer('GET /sync?since=', () => refusal({ code: 'sync_token_expired', status: 400 }))
    world.answer('GET /conversations?', () => ({
      body: { items: [{ ...conversation, lastSeq: 2 }], nextCursor: null },
    }))
    await reconnect(world)
    await batch(world, id, [1, 2].map(message))
    await completed(world, { id, throughSeq: 2 })
    expect(seen(world)).toEqual([1, 2])
    expect(world.chat.connection).toBe('online')
  })

  test('it is tried until it succeeds, and at once on a new connection', async () => {
    const { world } = await withConversation()
    world.answer('GET /sync?since=', () => undefined)
    await reconnect(world)
    await world.time.pass(10_000)
    expect(world.chat.connection).toBe('catching-up')
    world.answer('GET /sync?since=', () => changesOf({}))
    await reconnect(world)
    expect(world.chat.connection).toBe('online')
  })

  test('the chats of a business that are new are there with all that was written', async () => {
    const world = openClientWorld()
    await world.online()
    const chat = directConversation(randomUUID(), other, { type: 'business', lastSeq: 3 })
    const messages = [1, 2, 3].map(seq => messageOf(chat, other, seq))
    world.answer('GET /sync?since=', () => changesOf({ conversations: [chat], messages }))
    await reconnect(world)
    expect(seen(world)).toEqual([1, 2, 3])
  })

  test('what a business manages is checked by sync when the token is too old, because no list has it', async () => {
    const world = openClientWorld()
    const chat = directConversation(randomUUID(), other, { type: 'business', lastSeq: 4 })
    await world.online(chat)
    world.answer('GET /conversations?', () => ({ body: { items: [], nextCursor: null } }))
    world.answer('GET /sync?since=', () => refusal({ code: 'sync_token_expired', status: 400 }))
    await reconnect(world)
    expect(syncs(world)).toEqual([[{ id: chat.id, afterSeq: 4 }]])
    await batch(world, chat.id, [messageOf(chat, other, 5)])
    await completed(world, { id: chat.id, throughSeq: 5 })
    expect(seen(world)).toEqual([5])
    expect(world.chat.connection).toBe('online')
    await world.time.pass(3_000)
    expect(world.socket.sent('message.delivered')).toEqual([])
  })

  test('a conversation that sync says nothing of is looked up, and left when it is gone', async () => {
    const { world, conversation, id, message } = await withConversation()
    await created(world, message(2))
    await world.time.pass(2_000)
    world.answer(`GET /conversations/${conversation.id}`, () => refusal({ code: 'not_found', status: 404 }))
    await completed(world)
    expect(world.heard('left')).toEqual([{ conversationId: id }])
    await world.time.pass(30_000)
    expect(syncs(world)).toHaveLength(1)
  })
})

describe('a user who joins a group again', () => {
  test('starts anew where they joined, whatever they knew of it before', async () => {
    const { world, conversation, id, message } = await withConversation()
    await created(world, message(1))
    await created(world, message(3))
    const [me, ...others] = conversation.participants
    const again = {
      ...conversation,
      lastSeq: 9,
      participants: [{ ...me, joinedAt: '2026-11-01T13:00:00.000Z', lastReadSeq: 9, lastDeliveredSeq: 9 }, ...others],
    }
    world.answer(`GET /conversations/${id}`, () => ({ body: again }))
    await world.socket.push('participant.added', { conversationId: id, participant: again.participants[0] ?? {} })
    await created(world, message(10))
    expect(seen(world)).toEqual([1, 10])
    await world.time.pass(10_000)
    expect(syncs(world)).toEqual([])
  })
})
