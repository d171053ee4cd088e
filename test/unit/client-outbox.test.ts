import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import type { Outgoing } from '../../shared/client/outbox.ts'
import { idTime } from '../../shared/platform/ids.ts'
import { type ClientWorld, changesOf, directConversation, messageOf, openClientWorld } from '../support/client-world.ts'

const other = randomUUID()

const withConversation = async (options: Parameters<typeof openClientWorld>[0] = {}) => {
  const world = openClientWorld(options)
  const conversation = directConversation(world.userId, other)
  await world.online(conversation)
  return { world, conversation, id: conversation.id }
}

/** Stores the newest message that was sent, as the server does. */
const ackOf = (world: ClientWorld, seq: number, duplicate = false): Promise<void> => {
  const { id, conversationId } = world.socket.sent('message.send').at(-1)?.data ?? {}
  const sentAt = new Date(world.time.now()).toISOString()
  return world.socket.ack('message.send', { id, conversationId, seq, sentAt, duplicate })
}
const sentIds = (world: ClientWorld) => world.socket.sent('message.send').map(({ data }) => data.id)
const statuses = (world: ClientWorld, key: string) =>
  world.heard('outgoing').flatMap(message => (message.key === key ? [message.status] : []))

/** There is a connection again. */
const reconnect = async (world: ClientWorld): Promise<void> => {
  await world.time.pass(1_000)
  await world.socket.accept()
  await world.socket.ready()
}

describe('a message that is sent', () => {
  test('can be shown at once, and is a message like all others when its ack is there', async () => {
    const { world, id } = await withConversation()
    const outgoing = world.chat.send(id, { content: 'Namaste', metadata: { a: 1 } })
    expect(outgoing).toMatchObject({ conversationId: id, content: 'Namaste', status: 'sending', key: outgoing.id })
    expect(world.chat.outbox).toEqual([outgoing])
    expect(world.socket.sent('message.send').map(({ data }) => data)).toEqual([
      { conversationId: id, id: outgoing.id, content: 'Namaste', metadata: { a: 1 } },
    ])
    await ackOf(world, 1)
    expect(statuses(world, outgoing.key)).toEqual(['sending', 'sent'])
    expect(world.heard('message')).toMatchObject([
      { id: outgoing.id, seq: 1, senderId: world.userId, content: 'Namaste', metadata: { a: 1 }, status: 'sent' },
    ])
    expect(world.chat.outbox).toEqual([])
    expect(world.chat.known).toMatchObject([{ lastSeq: 1, lastMessage: { id: outgoing.id }, unreadCount: 0 }])
  })

  test.each(['<b>bo</b>ld', 'e\u0301', 'bell\u0007'])('is seen as the service has stored it: %j', async content => {
    const { world, conversation, id } = await withConversation()
    const outgoing = world.chat.send(id, content)
    const stored = { ...messageOf(conversation, world.userId, 1), id: outgoing.id, content: 'as stored' }
    world.answer(`GET /conversations/${id}/messages/${outgoing.id}`, () => ({ body: stored }))
    await ackOf(world, 1)
    expect(world.heard('message')).toMatchObject([{ id: outgoing.id, content: 'as stored' }])
    world.chat.send(id, 'a < b, é\n\t')
    await ackOf(world, 2)
    expect(world.requests.filter(({ target }) => target.includes('/messages/'))).toHaveLength(1)
  })

  test('is minted by the clock of the server, however wrong that of this machine is', async () => {
    const { world, id } = await withConversation()
    const serverNow = world.time.now()
    world.time.jump(-3_600_000)
    const at = new Date(serverNow).toISOString()
    await world.socket.send(
      JSON.stringify({ event: 'presence.changed', data: { userId: other, status: 'online' }, at }),
    )
    expect(idTime(world.chat.send(id, 'x').id)).toBe(serverNow)
  })

  test('waits for the one before it in the same conversation, and for none of others', async () => {
    const { world, id } = await withConversation()
    const elsewhere = randomUUID()
    const [first, second, third] = ['1', '2', '3'].map(content => world.chat.send(id, content))
    const apart = world.chat.send(elsewhere, '4')
    expect(sentIds(world)).toEqual([first?.id, apart.id])
    await world.socket.ack(world.socket.sent('message.send')[0] ?? '', {
      id: first?.id,
      conversationId: id,
      seq: 1,
      sentAt: '',
      duplicate: false,
    })
    expect(sentIds(world)).toEqual([first?.id, apart.id, second?.id])
    await ackOf(world, 2)
    expect(sentIds(world)).toEqual([first?.id, apart.id, second?.id, third?.id])
  })

  test('goes out under the same id when there is a connection again, and the application sees it once', async () => {
    const { world, id } = await withConversation()
    const outgoing = world.chat.send(id, 'first')
    await world.socket.end()
    const offline = world.chat.send(id, 'second')
    await reconnect(world)
    expect(sentIds(world)).toEqual([outgoing.id])
    await ackOf(world, 1, true)
    expect(sentIds(world)).toEqual([outgoing.id, offline.id])
    await ackOf(world, 2)
    expect(world.heard('message').map(({ seq }) => seq)).toEqual([1, 2])
    expect(world.chat.outbox).toEqual([])
  })

  test('is not sent again when it comes back from the server before the lost ack is missed', async () => {
    const { world, conversation, id } = await withConversation()
    const outgoing = world.chat.send(id, 'x')
    await world.socket.end()
    const stored = { ...messageOf(conversation, world.userId, 1), id: outgoing.id, content: 'x' }
    world.answer('GET /sync?since=', () => changesOf({ messages: [stored] }))
    await world.time.pass(1_000)
    world.answer('GET /conversations', () => ({ body: { items: [], nextCursor: null } }))
    const sent = world.socket
    await sent.accept()
    expect(statuses(world, outgoing.key)).toEqual(['sending', 'sent'])
    expect(world.chat.outbox).toEqual([])
    // It went out with the connection, before the answer of `GET /sync`: its late ack changes nothing.
    await ackOf(world, 1, true)
    expect(world.heard('message')).toHaveLength(1)
  })

  test('is sent again after 12 s without an ack', async () => {
    const { world, id } = await withConversation()
    const outgoing = world.chat.send(id, 'x')
    await world.time.pass(12_000)
    expect(sentIds(world)).toEqual([outgoing.id])
    await world.time.pass(1_000)
    expect(sentIds(world)).toEqual([outgoing.id, outgoing.id])
    expect(world.chat.outbox[0]?.status).toBe('sending')
  })

  test('waits as long as the service asks for, together with all others', async () => {
    const { world, id } = await withConversation()
    world.chat.send(id, 'x')
    await world.socket.refuse('message.send', { code: 'rate_limited', status: 429, retryAfterSeconds: 30 })
    world.chat.send(randomUUID(), 'y')
    await world.time.pass(30_000)
    expect(world.socket.sent('message.send')).toHaveLength(1)
    await world.time.pass(1_000)
    expect(world.socket.sent('message.send')).toHaveLength(3)
  })

  test('fails when it can not succeed, holds up none behind it, and can be sent again or given up', async () => {
    const { world, id } = await withConversation()
    const bad = world.chat.send(id, '')
    const good = world.chat.send(id, 'good')
    await world.socket.refuse('message.send', { code: 'validation_failed', status: 400 })
    expect(world.chat.outbox).toMatchObject([
      { key: bad.key, status: 'failed', problem: { code: 'validation_failed', status: 400 } },
      { key: good.key, status: 'sending' },
    ])
    await ackOf(world, 1)
    world.chat.retry(bad.key)
    expect(world.chat.outbox).toEqual([expect.not.objectContaining({ problem: expect.anything() })])
    expect(sentIds(world)).toEqual([bad.id, good.id, bad.id])
    await world.socket.refuse('message.send', { code: 'validation_failed', status: 400 })
    world.chat.discard(bad.key)
    expect(world.chat.outbox).toEqual([])
  })

  test.each([
    { code: 'message_id_expired', status: 400 } as const,
    { code: 'message_id_taken', status: 409 } as const,
    { code: 'validation_failed', status: 400, errors: [{ path: 'id', message: 'ahead' }] } as const,
  ])('gets another id, of the time that the server says it is, after %j', async ({ ...problem }) => {
    const { world, id } = await withConversation()
    const outgoing = world.chat.send(id, 'x')
    await world.socket.refuse('message.send', { ...problem, errors: [...('errors' in problem ? problem.errors : [])] })
    const serverTime = '2027-01-01T00:00:00.000Z'
    await world.socket.ack('ping', { serverTime })
    const [, again] = world.socket.sent('message.send')
    expect(again?.data).toMatchObject({ conversationId: id, content: 'x' })
    expect(again?.data.id).not.toBe(outgoing.id)
    expect(idTime(String(again?.data.id))).toBe(Date.parse(serverTime))
    await ackOf(world, 1)
    expect(world.heard('outgoing').at(-1)).toMatchObject({ key: outgoing.key, id: again?.data.id, status: 'sent' })
  })

  test('fails when the server wants no id of it, rather than go on for ever', async () => {
    const { world, id } = await withConversation()
    world.chat.send(id, 'x')
    for (let mints = 0; mints < 3; mints += 1) {
      await world.socket.refuse('message.send', { code: 'message_id_expired', status: 400 })
      await world.socket.ack('ping', { serverTime: new Date(world.time.now()).toISOString() })
    }
    await world.socket.refuse('message.send', { code: 'message_id_expired', status: 400 })
    expect(world.chat.outbox).toMatchObject([{ status: 'failed' }])
    expect(world.socket.sent('message.send')).toHaveLength(4)
  })
})

describe('an outbox that is kept', () => {
  const storage = (stored: readonly Outgoing[] = []) => {
    const kept = { stored, saves: 0 }
    return {
      kept,
      load: async () => kept.stored,
      save: async (messages: readonly Outgoing[]) => {
        kept.saves += 1
        kept.stored = JSON.parse(JSON.stringify(messages))
      },
    }
  }

  test('is sent by the next run under the same ids, before what is written then', async () => {
    const outboxStorage = storage()
    const earlier = openClientWorld({ outboxStorage })
    const id = randomUUID()
    const outgoing = earlier.chat.send(id, 'offline')
    expect(outboxStorage.kept.stored).toEqual([])
    void earlier.chat.connect()
    await earlier.time.pass(0)
    expect(outboxStorage.kept.stored).toEqual([outgoing])

    const world = openClientWorld({ outboxStorage, userId: earlier.userId })
    const written = world.chat.send(id, 'online')
    await world.online(directConversation(world.userId, other, { id }))
    expect(sentIds(world)).toEqual([outgoing.id])
    await ackOf(world, 1)
    expect(sentIds(world)).toEqual([outgoing.id, written.id])
    await ackOf(world, 2)
    expect(outboxStorage.kept.stored).toEqual([])
    expect(world.heard('message').map(({ content }) => content)).toEqual(['offline', 'online'])
  })

  test('keeps nobody from chatting when it fails', async () => {
    const fail = async () => {
      throw new Error('The disk is full')
    }
    const { world, id } = await withConversation({ outboxStorage: { load: fail, save: fail } })
    world.chat.send(id, 'x')
    expect(sentIds(world)).toHaveLength(1)
    await world.time.pass(0)
    // Reading, writing what was read, writing what was added.
    expect(world.heard('problem').map(({ detail }) => detail)).toEqual(Array(3).fill('The disk is full'))
  })
})
