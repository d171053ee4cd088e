import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Conversation, ConversationPage } from '../../shared/conversations/conversations.schema.ts'
import { listOwnConversations } from '../../shared/conversations/conversations.ts'
import { createListCache } from '../../shared/conversations/list-cache.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import { readHistory } from '../../shared/messages/messages.ts'
import { createPageCache } from '../../shared/messages/page-cache.ts'
import { countingStatements } from '../support/costs.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld({}, { caches: { lists: true, pages: true } })
})
afterAll(() => world.close())

const dayMs = 24 * 60 * 60 * 1000
const newUsers = (count: number) => Array.from({ length: count }, () => world.newUser())
const createGroup = async (userId: string, participantIds: string[]) =>
  (await world.http<Conversation>(userId, 'POST /conversations/group', { body: { participantIds } })).body.id
const send = async (userId: string, id: string, content = 'Hello') =>
  (await world.http<Message>(userId, `POST /conversations/${id}/messages`, { body: { content } })).body
const list = async (userId: string) => (await world.http<ConversationPage>(userId, 'GET /conversations')).body.items
const history = async (userId: string, id: string) =>
  (await world.http<MessagePage>(userId, `GET /conversations/${id}/messages`)).body.items
/** A group of which the second member has read the list and the page. */
const readGroup = async () => {
  const [alice = '', bob = '', carol = ''] = newUsers(3)
  const id = await createGroup(alice, [bob])
  const message = await send(alice, id)
  await list(bob)
  await history(bob, id)
  return { alice, bob, carol, id, message }
}
const kept = async () =>
  (await world.redis.keys(`${world.keyPrefix}*`))
    .map(key => key.slice(world.keyPrefix.length))
    .filter(key => /^(list|page):/.test(key))

test('what is kept costs no statement about messages', async () => {
  const { bob, id } = await readGroup()
  const { db, redis } = world
  const costOf = async (work: (counting: { db: typeof db }) => Promise<unknown>) => {
    const counting = countingStatements(db)
    await work({ db: counting.db })
    return counting.statements
  }
  const [listCache, pageCache] = [createListCache(redis, 300), createPageCache(redis, 60)]
  const reading = { caller: { id: bob }, conversationId: id, limit: 50 }
  const lists = [null, listCache].map(cache =>
    costOf(({ db }) => listOwnConversations({ ...world.deps, db, listCache: cache }, bob, { limit: 20 })),
  )
  const pages = [null, pageCache].map(cache =>
    costOf(({ db }) => readHistory({ ...world.deps, db, pageCache: cache }, reading)),
  )
  expect(await Promise.all(lists)).toEqual([4, 2])
  // The version takes the place of the messages, and is cheaper.
  expect(await Promise.all(pages)).toEqual([2, 2])
})

describe('the next read of somebody whose list and page are kept shows', () => {
  test('a new message, and that it is unread', async () => {
    const { alice, bob, id } = await readGroup()
    const { id: messageId } = await send(alice, id)
    expect(await list(bob)).toMatchObject([{ lastMessage: { id: messageId }, unreadCount: 2 }])
    expect((await history(bob, id)).at(-1)).toMatchObject({ id: messageId })
  })

  test('a deletion', async () => {
    const { alice, bob, id, message } = await readGroup()
    await world.http(alice, `DELETE /conversations/${id}/messages/${message.id}`)
    expect(await list(bob)).toMatchObject([{ lastMessage: { content: null }, unreadCount: 0 }])
    expect(await history(bob, id)).toMatchObject([{ id: message.id, content: null }])
  })

  test('what they have read', async () => {
    const { bob, id } = await readGroup()
    await world.http(bob, `PUT /conversations/${id}/read`, { body: {} })
    expect(await list(bob)).toMatchObject([{ unreadCount: 0 }])
  })

  test('who has read and received their message', async () => {
    const { alice, bob, id } = await readGroup()
    const { seq } = await send(bob, id)
    expect((await history(bob, id)).at(-1)).toMatchObject({ status: 'sent' })
    const socket = await world.connect(alice)
    await socket.send({ action: 'message.delivered', data: { conversationId: id, seq } })
    expect(await list(bob)).toMatchObject([{ lastMessage: { status: 'delivered' } }])
    expect((await history(bob, id)).at(-1)).toMatchObject({ status: 'delivered' })
    await world.http(alice, `PUT /conversations/${id}/read`, { body: {} })
    expect(await list(bob)).toMatchObject([{ lastMessage: { status: 'read' } }])
    expect((await history(bob, id)).at(-1)).toMatchObject({ status: 'read' })
  })

  test('nothing of a group that they have left, and of one that they join again what comes from then on', async () => {
    const { alice, bob, id } = await readGroup()
    await world.http(alice, `DELETE /conversations/${id}/participants/${bob}`)
    expect(await list(bob)).toEqual([])
    await world.http(alice, `POST /conversations/${id}/participants`, { body: { userId: bob } })
    expect(await list(bob)).toMatchObject([{ lastMessage: null, unreadCount: 0 }])
    expect(await history(bob, id)).toEqual([])
    // Whoever has been there all the time sees all of it, also where both see the same page.
    expect(await history(alice, id)).toHaveLength(1)
  })

  test('nothing past retention, although nothing was written', async () => {
    const { alice, bob, id, message } = await readGroup()
    await world.http(bob, `PUT /conversations/${id}/read`, { body: {} })
    await send(alice, id)
    world.clock.advance(90 * dayMs - 60_000)
    expect(await list(bob)).toMatchObject([{ unreadCount: 1, lastMessage: { seq: 2 } }])
    expect((await history(bob, id)).map(({ seq }) => seq)).toEqual([message.seq, 2])
    world.clock.advance(61_000)
    expect(await list(bob)).toMatchObject([{ unreadCount: 0, lastMessage: null }])
    expect(await history(bob, id)).toEqual([])
    world.clock.set(new Date())
  })

  test('no deletion for longer than seven days', async () => {
    const { alice, bob, id, message } = await readGroup()
    await world.http(alice, `DELETE /conversations/${id}/messages/${message.id}`)
    world.clock.advance(7 * dayMs - 60_000)
    expect(await list(bob)).toMatchObject([{ lastMessage: { id: message.id } }])
    expect(await history(bob, id)).toHaveLength(1)
    world.clock.advance(61_000)
    expect(await list(bob)).toMatchObject([{ lastMessage: null }])
    expect(await history(bob, id)).toEqual([])
    world.clock.set(new Date())
  })
})

describe('Redis', () => {
  test('may lose what is kept, or hold something else', async () => {
    const { bob, id, message } = await readGroup()
    const expected = async () => {
      expect(await list(bob)).toMatchObject([{ lastMessage: { content: 'Hello' }, unreadCount: 1 }])
      expect(await history(bob, id)).toMatchObject([{ id: message.id, content: 'Hello' }])
    }
    const [listKey = ''] = (await kept()).filter(key => key.includes(bob))
    const [pageKey = ''] = (await kept()).filter(key => key.includes(id))
    for (const text of ['', 'null', '{}', '{"version":', '[1]']) {
      await world.redis.hset(listKey, id, text)
      await world.redis.set(pageKey, text)
      await expected()
    }
    await world.redis.del(listKey)
    await world.redis.set(listKey, 'of another type')
    await world.redis.del(pageKey)
    await expected()
    await world.redis.del(listKey)
    await expected()
  })

  test('may be away', async () => {
    const away = await openWorld({}, { caches: { lists: true, pages: true } })
    const { bob, id, message } = await readGroup()
    away.redis.disconnect()
    const { body } = await away.http<ConversationPage>(bob, 'GET /conversations')
    expect(body.items).toMatchObject([{ lastMessage: { id: message.id }, unreadCount: 1 }])
    const page = await away.http<MessagePage>(bob, `GET /conversations/${id}/messages`)
    expect(page.body.items).toMatchObject([{ content: 'Hello' }])
    await away.close()
  })

  test('holds no message in the clear, and what it holds for some minutes at most', async () => {
    const { alice, bob, id } = await readGroup()
    await send(alice, id, 'a word that nobody else says')
    await list(bob)
    await history(bob, id)
    const found = await kept()
    expect(found.length).toBeGreaterThan(1)
    for (const key of found) {
      const isList = key.startsWith('list:')
      const held = isList ? JSON.stringify(await world.redis.hgetall(key)) : await world.redis.get(key)
      expect(held).not.toContain('nobody else says')
      const seconds = await world.redis.ttl(key)
      expect(seconds).toBeGreaterThan(-1)
      expect(seconds).toBeLessThanOrEqual(isList ? 300 : 60)
    }
  })
})

test('without the caches nothing is kept', async () => {
  const without = await openWorld({}, { caches: { lists: false, pages: false }, limits: { requests: 0 } })
  const { bob, id } = await readGroup()
  await without.http(bob, 'GET /conversations')
  await without.http(bob, `GET /conversations/${id}/messages`)
  expect(await without.redis.keys(`${without.keyPrefix}*`)).toEqual([])
  await without.close()
})
