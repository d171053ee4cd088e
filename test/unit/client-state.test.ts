import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { type ClientWorld, directConversation, messageOf, openClientWorld, refusal } from '../support/client-world.ts'

const other = randomUUID()

const withConversation = async (view: Parameters<typeof directConversation>[2] = {}) => {
  const world = openClientWorld()
  const conversation = directConversation(world.userId, other, view)
  await world.online(conversation)
  const receive = (seq: number, senderId: string = other) =>
    world.socket.push('message.created', { message: messageOf(conversation, senderId, seq) })
  return { world, conversation, id: conversation.id, receive }
}
const reconnect = async (world: ClientWorld): Promise<void> => {
  await world.socket.end()
  await world.time.pass(1_000)
  await world.socket.accept()
}
const told = (world: ClientWorld, action: string) => world.socket.sent(action).map(({ data }) => data.positions)
const known = (world: ClientWorld) => world.chat.known[0]

describe('delivered positions', () => {
  test('are told once a second at most, those of all conversations in one frame', async () => {
    const world = openClientWorld()
    const [one, two] = [directConversation(world.userId, other), directConversation(world.userId, randomUUID())]
    await world.online(one, two)
    for (const seq of [1, 2, 3]) {
      await world.socket.push('message.created', { message: messageOf(one, other, seq) })
      await world.socket.push('message.created', { message: messageOf(two, other, seq) })
      await world.time.pass(300)
    }
    expect(told(world, 'message.delivered')).toEqual([])
    await world.time.pass(100)
    const positions = [one, two].map(({ id: conversationId }) => ({ conversationId, seq: 3 }))
    expect(told(world, 'message.delivered')).toEqual([positions])
    await world.socket.ack('message.delivered')
    await world.time.pass(5_000)
    expect(told(world, 'message.delivered')).toHaveLength(1)
  })

  test('are those up to which there is no gap', async () => {
    const { world, id, receive } = await withConversation()
    await receive(1)
    await receive(3)
    await world.time.pass(1_000)
    expect(told(world, 'message.delivered')).toEqual([[{ conversationId: id, seq: 1 }]])
  })

  test('are told again when a message comes again: the service has lost them', async () => {
    const { world, id, receive } = await withConversation()
    await receive(1)
    await world.time.pass(1_000)
    await world.socket.ack('message.delivered')
    await receive(1)
    await world.time.pass(1_000)
    expect(told(world, 'message.delivered')).toEqual(Array(2).fill([{ conversationId: id, seq: 1 }]))
  })

  test('are told later when they could not be told: with the next connection, or when the service says', async () => {
    const { world, id, receive } = await withConversation()
    await receive(1)
    await reconnect(world)
    await world.time.pass(1_000)
    expect(told(world, 'message.delivered')).toEqual([[{ conversationId: id, seq: 1 }]])
    await receive(2)
    await world.socket.refuse('message.delivered', { code: 'store_unavailable', status: 503, retryAfterSeconds: 5 })
    await world.time.pass(5_000)
    expect(told(world, 'message.delivered')).toHaveLength(1)
    await world.time.pass(1_000)
    expect(told(world, 'message.delivered')[1]).toEqual([{ conversationId: id, seq: 2 }])
  })

  test('are told again when nobody knows whether they arrived', async () => {
    const { world, id, receive } = await withConversation()
    await receive(1)
    await world.time.pass(1_000)
    expect(told(world, 'message.delivered')).toHaveLength(1)
    await reconnect(world)
    await world.time.pass(1_000)
    expect(told(world, 'message.delivered')).toEqual([[{ conversationId: id, seq: 1 }]])
    await world.socket.ack('message.delivered')
    await reconnect(world)
    await world.time.pass(5_000)
    expect(told(world, 'message.delivered')).toEqual([])
  })

  test('of conversations that the user has left are not told any more', async () => {
    const { world, id, receive } = await withConversation()
    await receive(1)
    await world.time.pass(1_000)
    await world.socket.refuse('message.delivered', { code: 'not_found', status: 404 })
    await receive(2)
    world.answer(`GET /conversations/${id}`, () => refusal({ code: 'not_found', status: 404 }))
    await world.socket.push('participant.removed', { conversationId: id, userId: world.userId })
    await world.time.pass(5_000)
    expect(told(world, 'message.delivered')).toHaveLength(1)
    expect(world.heard('problem')).toEqual([])
  })
})

describe('what is unread', () => {
  test('grows with the messages of others, and is nothing once it is read', async () => {
    const { world, id, receive } = await withConversation()
    await receive(1)
    await receive(2)
    expect(known(world)).toMatchObject({ unreadCount: 2, lastSeq: 2, lastMessage: { seq: 2 } })
    world.chat.markRead(id)
    expect(known(world)?.unreadCount).toBe(0)
    await world.time.pass(1_000)
    expect(told(world, 'message.read')).toEqual([[{ conversationId: id, seq: 2 }]])
    world.chat.markRead(id)
    await world.time.pass(2_000)
    expect(told(world, 'message.read')).toHaveLength(1)
    await receive(3)
    expect(known(world)?.unreadCount).toBe(1)
  })

  test('does not count what the conversation has told already, nor what was read on another device', async () => {
    const { world, id, receive } = await withConversation({ lastSeq: 2, delivered: 0, unreadCount: 2 })
    await receive(1)
    await receive(2)
    expect(known(world)?.unreadCount).toBe(2)
    await world.socket.push('message.read', { conversationId: id, userId: world.userId, seq: 3 })
    await receive(3)
    expect(known(world)?.unreadCount).toBe(0)
  })

  test('is nothing for whoever writes', async () => {
    const { world, conversation, receive } = await withConversation()
    await receive(1, world.userId)
    expect(world.chat.statusOf({ conversationId: conversation.id, seq: 1 })).toBe('sent')
    await receive(2)
    expect(world.chat.statusOf({ conversationId: conversation.id, seq: 1 })).toBe('read')
  })

  test('is nothing after an own message', async () => {
    const { world, receive } = await withConversation()
    await receive(1)
    await receive(2, world.userId)
    expect(known(world)?.unreadCount).toBe(0)
  })

  test('is asked for where it can not be known here', async () => {
    const { world, conversation, id, receive } = await withConversation({ lastSeq: 5, unreadCount: 5 })
    world.answer(`GET /conversations/${id}`, () => ({ body: { ...conversation, unreadCount: 3 } }))
    world.chat.markRead(id, 2)
    await world.time.pass(0)
    expect(known(world)?.unreadCount).toBe(3)
    world.answer(`GET /conversations/${id}`, () => ({ body: { ...conversation, unreadCount: 2 } }))
    const deletedAt = '2026-11-01T12:00:01.000Z'
    await world.socket.push('message.deleted', { conversationId: id, messageId: randomUUID(), seq: 4, deletedAt })
    expect(known(world)?.unreadCount).toBe(2)
    await receive(6)
    expect(known(world)?.unreadCount).toBe(3)
  })

  test('is told once there is a connection again', async () => {
    const { world, id, receive } = await withConversation()
    await receive(1)
    await world.socket.end()
    world.chat.markRead(id)
    await reconnect(world)
    await world.time.pass(1_000)
    expect(told(world, 'message.read')).toEqual([[{ conversationId: id, seq: 1 }]])
  })
})

describe('a conversation', () => {
  test('shows how far an own message has come, with everybody', async () => {
    const world = openClientWorld()
    const third = randomUUID()
    const { participants, ...group } = directConversation(world.userId, other, { type: 'group' })
    const [, second] = participants
    if (!second) throw new Error('There is another one')
    const conversation = { ...group, participants: [...participants, { ...second, userId: third }] }
    await world.online(conversation)
    const own = { conversationId: conversation.id, seq: 1 }
    await world.socket.push('message.created', { message: messageOf(conversation, world.userId, 1) })
    const move = (kind: 'delivered' | 'read', userId: string) =>
      world.socket.push(`message.${kind}`, { conversationId: conversation.id, userId, seq: 1 })
    expect(world.chat.statusOf(own)).toBe('sent')
    await move('delivered', other)
    expect(world.chat.statusOf(own)).toBe('sent')
    await move('read', third)
    expect(world.chat.statusOf(own)).toBe('delivered')
    await move('read', other)
    expect(world.chat.statusOf(own)).toBe('read')
  })

  test('does not fall back to an older view of it', async () => {
    const { world, conversation, receive } = await withConversation()
    await receive(1)
    await world.socket.push('message.read', { conversationId: conversation.id, userId: other, seq: 1 })
    await world.socket.push('conversation.updated', { conversation: { ...conversation, name: 'New' } })
    expect(known(world)).toMatchObject({ name: 'New', lastSeq: 1, unreadCount: 1, lastMessage: { seq: 1 } })
    expect(known(world)?.participants[1]?.lastReadSeq).toBe(1)
  })

  test('changes with its members and its agent', async () => {
    const business = { businessId: randomUUID(), agentId: null, priority: 'normal', category: null } as const
    const { world, conversation, id } = await withConversation({
      type: 'business',
      business: { ...business, status: 'queued' },
    })
    const agent = { ...conversation.participants[1], userId: randomUUID() }
    await world.socket.push('participant.added', { conversationId: id, participant: agent })
    await world.socket.push('assignment.changed', { conversationId: id, status: 'assigned', agentId: agent.userId })
    expect(known(world)?.participants).toHaveLength(3)
    expect(known(world)?.business).toEqual({ ...business, status: 'assigned', agentId: agent.userId })
    await world.socket.push('participant.updated', { conversationId: id, participant: { ...agent, role: 'admin' } })
    expect(known(world)?.participants[2]?.role).toBe('admin')
    await world.socket.push('participant.removed', { conversationId: id, userId: agent.userId })
    expect(known(world)?.participants).toHaveLength(2)
  })

  test('shows that its last message was deleted', async () => {
    const { world, id, receive } = await withConversation()
    await receive(1)
    const { id: messageId } = world.heard('message')[0] ?? {}
    const deletedAt = '2026-11-01T12:00:01.000Z'
    await world.socket.push('message.deleted', { conversationId: id, messageId, seq: 1, deletedAt })
    expect(known(world)?.lastMessage).toMatchObject({ content: null, deletedAt })
  })

  test('is listed by its newest activity', async () => {
    const world = openClientWorld()
    const [one, two] = [directConversation(world.userId, other), directConversation(world.userId, randomUUID())]
    await world.online(one, two)
    for (const conversation of [two, one, two]) {
      const sentAt = new Date(world.time.now()).toISOString()
      const message = {
        ...messageOf(
          conversation,
          other,
          (world.chat.known.find(({ id }) => id === conversation.id)?.lastSeq ?? 0) + 1,
        ),
        sentAt,
      }
      await world.socket.push('message.created', { message })
      await world.time.pass(10)
      expect(known(world)?.id).toBe(conversation.id)
    }
  })
})

describe('typing', () => {
  test('is told at most once in 3 s, and its end once', async () => {
    const { world, id } = await withConversation()
    for (let key = 0; key < 8; key += 1) {
      world.chat.typing(id)
      await world.time.pass(500)
    }
    expect(world.socket.sent('typing.start')).toEqual(
      Array(2).fill({ action: 'typing.start', data: { conversationId: id } }),
    )
    world.chat.typing(id, false)
    world.chat.typing(id, false)
    expect(world.socket.sent('typing.stop')).toHaveLength(1)
  })

  test('that begins again while the service passes nothing on is told when it does', async () => {
    const { world, id } = await withConversation()
    world.chat.typing(id)
    world.chat.send(id, 'x')
    world.chat.typing(id)
    await world.time.pass(3_000)
    expect(world.socket.sent('typing.start')).toHaveLength(1)
    await world.time.pass(500)
    expect(world.socket.sent('typing.start')).toHaveLength(2)
    world.chat.typing(id, false)
    world.chat.typing(id)
    world.chat.typing(id, false)
    await world.time.pass(10_000)
    expect(world.socket.sent('typing.start')).toHaveLength(2)
    expect(world.socket.sent('typing.stop')).toHaveLength(1)
  })

  test('of others ends when they stop, send, run out of time, or the connection ends', async () => {
    const { world, id, receive } = await withConversation()
    const start = (userId: string) =>
      world.socket.push('typing.started', {
        conversationId: id,
        userId,
        expiresAt: new Date(world.time.now() + 5_000).toISOString(),
      })
    const typists = () => world.heard('typing').at(-1)?.userIds
    const third = randomUUID()
    await start(other)
    await start(third)
    expect(typists()).toEqual([other, third])
    await world.socket.push('typing.stopped', { conversationId: id, userId: third })
    expect(typists()).toEqual([other])
    await receive(1)
    expect(typists()).toEqual([])
    // Overtaken by the message that was typed.
    await start(other)
    expect(typists()).toEqual([])
    await world.time.pass(1_000)
    await start(other)
    await world.time.pass(4_000)
    await start(other)
    await world.time.pass(4_000)
    expect(typists()).toEqual([other])
    await world.time.pass(1_000)
    expect(typists()).toEqual([])
    await start(other)
    await world.socket.end()
    expect(typists()).toEqual([])
  })
})

describe('presence', () => {
  test('is asked for once, told when it changes, and asked for anew on the next connection', async () => {
    const { world } = await withConversation()
    const users = Array.from({ length: 150 }, () => randomUUID())
    const online = new Set<string | undefined>([users[0]])
    world.answer('GET /presence', ({ target }) => {
      const userIds = (new URL(target.slice(4), 'http://x').searchParams.get('userIds') ?? '').split(',')
      const items = userIds.map(userId => ({
        userId,
        status: online.has(userId) ? 'online' : 'offline',
        lastSeenAt: null,
      }))
      return { body: { items } }
    })
    const found = await world.chat.presence(users)
    expect(found.map(({ userId, status }) => [userId, status])).toEqual(
      users.map(userId => [userId, online.has(userId) ? 'online' : 'offline']),
    )
    expect(world.requests.filter(({ target }) => target.startsWith('GET /presence'))).toHaveLength(2)
    const before = world.heard('presence').length
    const change = { userId: users[1], status: 'online', lastSeenAt: null }
    await world.socket.push('presence.changed', change)
    await world.socket.push('presence.changed', change)
    expect(world.heard('presence').slice(before)).toEqual([change])
    online.clear()
    await reconnect(world)
    expect(
      world
        .heard('presence')
        .slice(-2)
        .map(({ userId, status }) => [userId, status]),
    ).toEqual([
      [users[0], 'offline'],
      [users[1], 'offline'],
    ])
  })
})
