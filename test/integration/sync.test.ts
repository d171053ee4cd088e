import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Kysely, type KyselyPlugin, sql } from 'kysely'
import { v7 } from 'uuid'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { insertParticipants, removeParticipant } from '../../shared/conversations/participants.repository.ts'
import type { Database } from '../../shared/database/schema.ts'
import { insertMessage } from '../../shared/messages/messages.repository.ts'
import type { Message } from '../../shared/messages/messages.schema.ts'
import { encodeCursor } from '../../shared/platform/cursor.ts'
import { storeDelivered } from '../../shared/receipts/delivered.ts'
import { readMoment } from '../../shared/sync/changes.repository.ts'
import type { Changes } from '../../shared/sync/changes.schema.ts'
import { changesSince } from '../../shared/sync/changes.ts'
import { encodeSyncToken } from '../../shared/sync/sync-token.ts'
import { storeMessages } from '../support/stored-messages.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const day = 24 * 60 * 60 * 1000
const newUsers = (count: number) => Array.from({ length: count }, () => world.newUser())
const openDirect = async (userId: string, targetUserId: string) =>
  (await world.http<Conversation>(userId, 'POST /conversations/direct', { body: { targetUserId } })).body
const createGroup = async (userId: string, participantIds: string[]) =>
  (await world.http<Conversation>(userId, 'POST /conversations/group', { body: { participantIds } })).body
const send = async (userId: string, id: string, content = 'Hello') =>
  (await world.http<Message>(userId, `POST /conversations/${id}/messages`, { body: { content } })).body
const remove = (userId: string, { conversationId, id }: Message) =>
  world.http(userId, `DELETE /conversations/${conversationId}/messages/${id}`)
const add = (userId: string, id: string, targetId: string) =>
  world.http(userId, `POST /conversations/${id}/participants`, { body: { userId: targetId } })
const expel = (userId: string, id: string, targetId: string) =>
  world.http(userId, `DELETE /conversations/${id}/participants/${targetId}`)
const read = (userId: string, id: string, seq: number) =>
  world.http(userId, `PUT /conversations/${id}/read`, { body: { seq } })

const ask = (userId: string, query: string) => world.http<Changes>(userId, `GET /sync${query}`)
const tokenOf = async (userId: string): Promise<string> => (await ask(userId, '')).body.next
const since = async (userId: string, token: string): Promise<Changes> => {
  const { status, body } = await ask(userId, `?since=${token}`)
  expect(status).toBe(200)
  return body
}
/** Every page of a window. */
const windowOf = async (
  userId: string,
  token: string,
  between = async (_pages: readonly Changes[]) => {},
): Promise<Changes[]> => {
  const pages = [await since(userId, token)]
  for (let last = pages[0]; last?.hasMore; last = pages.at(-1)) {
    await between(pages)
    pages.push(await since(userId, last.next))
  }
  return pages
}
const ids = (messages: readonly { id: string }[]) => messages.map(({ id }) => id)
const nothing = { conversations: [], messages: [], deletions: [], reads: [], left: [], hasMore: false }

/** Stores a message inside a transaction of the test's own. */
const store = async (trx: Kysely<Database>, conversationId: string, senderId: string, content: string) => {
  const id = v7()
  const key = await world.deps.contentKeys.active(world.db)
  await insertMessage(trx, key, { id, conversationId, senderId, type: 'text', content, metadata: null }, new Date())
  return id
}

/** Stores many short messages at once, in one transaction; returns their ids in the order of `seq`. */
const storeMany = (conversationId: string, senderId: string, count: number, content = 'x'): Promise<string[]> => {
  return storeMessages(
    world.deps,
    { conversationId, senderId },
    Array.from({ length: count }, () => content),
  )
}

describe('GET /sync', () => {
  test('without a token answers with empty lists and a token, after which nothing has changed', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    await send(alice, (await openDirect(alice, bob)).id)
    const { status, body } = await ask(alice, '')
    expect(status).toBe(200)
    expect(body).toEqual({ ...nothing, next: expect.any(String) })
    expect(await since(alice, body.next)).toMatchObject(nothing)
  })

  test('tells of a new conversation, its messages and positions, as the other routes show them', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const token = await tokenOf(bob)
    const { id } = await openDirect(alice, bob)
    const first = await send(alice, id, 'One')
    const second = await send(bob, id, 'Two')
    const changes = await since(bob, token)
    const [seen, history] = await Promise.all([
      world.http(bob, `GET /conversations/${id}`),
      world.http<{ items: Message[] }>(bob, `GET /conversations/${id}/messages`),
    ])
    expect(changes.conversations).toEqual([seen.body])
    expect(ids(changes.messages)).toEqual([first.id, second.id])
    expect(changes.messages).toEqual(history.body.items)
    expect(changes.reads).toHaveLength(2)
    expect(changes.reads).toEqual(
      expect.arrayContaining([
        { conversationId: id, userId: alice, lastReadSeq: 1 },
        { conversationId: id, userId: bob, lastReadSeq: 2 },
      ]),
    )
    expect(await since(bob, changes.next)).toMatchObject(nothing)
  })

  test('tells of a name, a role, a new participant and one who left, without any message', async () => {
    const [alice = '', bob = '', carol = '', dave = ''] = newUsers(4)
    const { id } = await createGroup(alice, [bob, carol])
    let token = await tokenOf(bob)
    const changesAfter = async (change: Promise<{ status: number }>) => {
      expect((await change).status).toBeLessThan(300)
      const { next, ...changes } = await since(bob, token)
      token = next
      const { body } = await world.http(bob, `GET /conversations/${id}`)
      expect(changes).toEqual({ ...nothing, conversations: [body] })
    }
    await changesAfter(world.http(alice, `PATCH /conversations/${id}`, { body: { name: 'Renamed' } }))
    await changesAfter(
      world.http(alice, `PUT /conversations/${id}/participants/${bob}/role`, { body: { role: 'admin' } }),
    )
    await changesAfter(add(alice, id, dave))
    await changesAfter(expel(alice, id, carol))
  })

  test('tells of a read position once, when it moves and not when something else of the reader changes', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await createGroup(alice, [bob])
    for (let n = 0; n < 3; n += 1) await send(alice, id)
    const token = await tokenOf(alice)
    await read(bob, id, 2)
    const moved = await since(alice, token)
    expect(moved.reads).toEqual([{ conversationId: id, userId: bob, lastReadSeq: 2 }])
    await world.http(alice, `PUT /conversations/${id}/participants/${bob}/role`, { body: { role: 'admin' } })
    const promoted = await since(alice, moved.next)
    expect(promoted.conversations).toHaveLength(1)
    expect(promoted.reads).toEqual([])
  })

  test("tells a reader's other device what is left unread", async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    for (let n = 0; n < 6; n += 1) await send(alice, id)
    const token = await tokenOf(bob)
    await read(bob, id, 4)
    const changes = await since(bob, token)
    expect(changes.conversations).toMatchObject([{ id, unreadCount: 2 }])
    expect(changes.reads).toEqual([{ conversationId: id, userId: bob, lastReadSeq: 4 }])
    expect(changes.messages).toEqual([])
  })

  test('does not tell of delivered positions', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    await send(alice, id)
    const token = await tokenOf(alice)
    await storeDelivered(world.db, [{ conversationId: id, userId: bob, seq: 1 }])
    expect((await world.http<Conversation>(alice, `GET /conversations/${id}`)).body.lastMessage?.status).toBe(
      'delivered',
    )
    expect(await since(alice, token)).toMatchObject(nothing)
  })

  test('tells nothing of conversations of others', async () => {
    const [alice = '', bob = '', eve = ''] = newUsers(3)
    const token = await tokenOf(eve)
    const { id } = await openDirect(alice, bob)
    await remove(alice, await send(alice, id))
    await read(bob, id, 1)
    expect(await since(eve, token)).toMatchObject(nothing)
  })

  test('answers the same again when the same token is used again', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const token = await tokenOf(bob)
    const { id } = await openDirect(alice, bob)
    const message = await send(alice, id)
    const answers = [await since(bob, token), await since(bob, token)].map(({ next: _, ...lists }) => lists)
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.messages).toMatchObject([{ id: message.id }])
  })

  test('costs three statements when nothing has changed, however many conversations there are', async () => {
    const [alice = '', ...others] = newUsers(31)
    const statementsOfAnIdleCall = async () => {
      const token = await tokenOf(alice)
      let statements = 0
      const counter: KyselyPlugin = {
        transformQuery: ({ node }) => {
          statements += 1
          return node
        },
        transformResult: async ({ result }) => result,
      }
      const changes = await changesSince({ ...world.deps, db: world.db.withPlugin(counter) }, { id: alice }, token)
      expect(changes).toMatchObject(nothing)
      return statements
    }
    await openDirect(alice, others[0] ?? '')
    expect(await statementsOfAnIdleCall()).toBe(3)
    for (const other of others) await send(other, (await openDirect(alice, other)).id)
    expect(await statementsOfAnIdleCall()).toBe(3)
  })
})

describe('a change whose transaction', () => {
  test('began before the token and commits after it is in the next answer, and in no other', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const [late, early] = [await openDirect(alice, bob), await openDirect(alice, carol)]
    const before = await tokenOf(alice)
    const { token, held } = await world.db.transaction().execute(async trx => {
      const held = await store(trx, late.id, bob, 'Late')
      const sent = await send(carol, early.id, 'Early')
      const seen = await since(alice, before)
      expect(ids(seen.messages)).toEqual([sent.id])
      return { token: seen.next, held }
    })
    const next = await since(alice, token)
    expect(ids(next.messages)).toEqual([held])
    expect(ids(next.conversations)).toEqual([late.id])
    expect(next.reads).toEqual([{ conversationId: late.id, userId: bob, lastReadSeq: 1 }])
    expect(await since(alice, next.next)).toMatchObject(nothing)
  })

  test('commits late is not missed behind tokens that were taken again and again while it ran', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const { id } = await createGroup(alice, [bob, carol])
    const other = await openDirect(bob, carol)
    const old = await send(alice, id, 'Old')
    let token = await tokenOf(bob)
    await world.db.transaction().execute(async trx => {
      await sql`
        update messages set deleted_at = now(), key_id = null, body = null, changed_xid = pg_current_xact_id()
        where id = ${old.id}`.execute(trx)
      await removeParticipant(trx, { conversation_id: id, user_id: carol } as never, new Date())
      for (let n = 0; n < 5; n += 1) {
        await send(carol, other.id)
        const changes = await since(bob, token)
        expect(changes).toMatchObject({ conversations: [{ id: other.id }], deletions: [], left: [] })
        token = changes.next
      }
    })
    const next = await since(bob, token)
    expect(next.deletions).toMatchObject([{ conversationId: id, messageId: old.id, seq: 1 }])
    expect(next.conversations).toMatchObject([{ id, participants: { length: 2 } }])
    expect(next.messages).toEqual([])
  })

  test('is rolled back is told never', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const token = await tokenOf(alice)
    const failed = world.db.transaction().execute(async trx => {
      await store(trx, id, bob, 'Never')
      throw new Error('Rolled back')
    })
    await expect(failed).rejects.toThrow('Rolled back')
    expect(await since(alice, token)).toMatchObject(nothing)
  })
})

describe('the last message', () => {
  test('does not come again, though the token was taken at its very time', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    let token = await tokenOf(bob)
    for (let n = 1; n <= 20; n += 1) {
      const message = await send(alice, id, `${n}`)
      const changes = await since(bob, token)
      expect(ids(changes.messages)).toEqual([message.id])
      token = changes.next
    }
    expect(await since(bob, token)).toMatchObject(nothing)
  })

  test('is not missed when its clock was behind the token', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const token = await tokenOf(bob)
    world.clock.advance(-60_000)
    const message = await send(alice, id)
    world.clock.advance(60_000)
    expect(ids((await since(bob, token)).messages)).toEqual([message.id])
  })
})

describe('a deleted message', () => {
  test('that is old comes as a deletion, with its conversation as it is without it', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const [first, , third] = [
      await send(alice, id, 'One'),
      await send(alice, id, 'Two'),
      await send(alice, id, 'Three'),
    ]
    const token = await tokenOf(bob)
    await remove(alice, first as Message)
    await remove(alice, third as Message)
    const changes = await since(bob, token)
    expect(changes.messages).toEqual([])
    expect(changes.deletions).toEqual([
      { conversationId: id, messageId: first?.id, seq: 1, deletedAt: expect.any(String) },
      { conversationId: id, messageId: third?.id, seq: 3, deletedAt: expect.any(String) },
    ])
    expect(changes.conversations).toMatchObject([{ unreadCount: 1, lastMessage: { id: third?.id, content: null } }])
    expect(await since(bob, changes.next)).toMatchObject(nothing)
  })

  test('that was sent since comes as a deletion only', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const token = await tokenOf(bob)
    const [gone, kept] = [await send(alice, id, 'Gone'), await send(alice, id, 'Kept')]
    await remove(alice, gone as Message)
    const changes = await since(bob, token)
    expect(ids(changes.messages)).toEqual([kept?.id])
    expect(changes.deletions).toMatchObject([{ messageId: gone?.id }])
  })

  test('does not bring back what was known of the messages around it', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const messages: Message[] = []
    for (let n = 0; n < 6; n += 1) messages.push(await send(alice, id, `${n}`))
    const token = await tokenOf(bob)
    for (const message of messages.slice(2)) await remove(alice, message)
    const added = await send(alice, id, 'New')
    const changes = await since(bob, token)
    expect(ids(changes.messages)).toEqual([added.id])
    expect(changes.deletions).toHaveLength(4)
  })

  test('from before one joined stays untold', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const { id } = await createGroup(alice, [bob])
    const message = await send(alice, id)
    await add(alice, id, carol)
    const token = await tokenOf(carol)
    await remove(alice, message)
    expect(await since(carol, token)).toMatchObject(nothing)
  })

  test('shows to a token of almost 7 days', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const message = await send(alice, id)
    const token = await tokenOf(bob)
    await remove(alice, message)
    world.clock.advance(7 * day - 60_000)
    const changes = await since(bob, token)
    world.clock.advance(-7 * day + 60_000)
    expect(changes.deletions).toMatchObject([{ messageId: message.id }])
  })
})

describe('who joins and leaves', () => {
  test('gets messages from joining on', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const { id } = await createGroup(alice, [bob])
    const token = await tokenOf(carol)
    await send(alice, id, 'Before')
    await add(alice, id, carol)
    const after = await send(alice, id, 'After')
    const changes = await since(carol, token)
    expect(ids(changes.messages)).toEqual([after.id])
    expect(changes.conversations).toMatchObject([{ id, unreadCount: 1, lastMessage: { id: after.id } }])
    expect(changes.left).toEqual([])
  })

  test('with sight of the whole conversation gets all of it, old as it may be', async () => {
    const [alice = '', bob = '', agent = ''] = newUsers(3)
    const { id } = await createGroup(alice, [bob])
    const messages = [await send(alice, id, 'One'), await send(bob, id, 'Two')]
    await world.http(agent, 'GET /conversations')
    const token = await tokenOf(agent)
    await world.db
      .transaction()
      .execute(trx =>
        insertParticipants(
          trx,
          { conversationId: id, users: [{ userId: agent, role: 'agent' }], joinedSeq: 0 },
          new Date(),
        ),
      )
    const changes = await since(agent, token)
    expect(ids(changes.messages)).toEqual(ids(messages))
    expect(await since(agent, changes.next)).toMatchObject(nothing)
  })

  test.each([
    ['leaves', (_: string, bob: string, id: string) => expel(bob, id, bob)],
    ['is removed', (alice: string, bob: string, id: string) => expel(alice, id, bob)],
  ])('and %s is told so, and nothing more of that conversation', async (_, leave) => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const { id } = await createGroup(alice, [bob, carol])
    const message = await send(alice, id, 'Old')
    const token = await tokenOf(bob)
    await send(alice, id, 'Unseen')
    await leave(alice, bob, id)
    await send(carol, id, 'Behind their back')
    await remove(alice, message)
    const changes = await since(bob, token)
    expect(changes).toMatchObject({ ...nothing, left: [id] })
    await send(alice, id, 'Still going on')
    expect(await since(bob, changes.next)).toMatchObject(nothing)
  })

  test('and comes back has to forget what was there, and starts anew', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await createGroup(alice, [bob])
    await send(alice, id, 'Known')
    const token = await tokenOf(bob)
    await send(alice, id, 'Lost by leaving')
    await expel(alice, id, bob)
    await send(alice, id, 'Not for Bob')
    await add(alice, id, bob)
    const again = await send(alice, id, 'Hello again')
    const changes = await since(bob, token)
    expect(changes.left).toEqual([id])
    expect(changes.conversations).toMatchObject([{ id, unreadCount: 1 }])
    expect(ids(changes.messages)).toEqual([again.id])
    await expel(alice, id, bob)
    const gone = await since(bob, changes.next)
    expect(gone).toMatchObject({ ...nothing, left: [id] })
    await add(alice, id, bob)
    expect(await since(bob, gone.next)).toMatchObject({ ...nothing, conversations: [{ id }], reads: [{ userId: bob }] })
  })

  test('between two pages is told so with the next window', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await createGroup(alice, [bob])
    const token = await tokenOf(bob)
    await storeMany(id, alice, 700)
    const first = await since(bob, token)
    expect(first).toMatchObject({ hasMore: true, messages: { length: 500 } })
    await expel(alice, id, bob)
    await add(alice, id, bob)
    const again = await send(alice, id, 'Hello again')
    const rest = await since(bob, first.next)
    expect(rest).toMatchObject(nothing)
    const next = await since(bob, rest.next)
    expect(next.left).toEqual([id])
    expect(ids(next.messages)).toEqual([again.id])
  })
})

describe('a window of many changes', () => {
  test('comes in pages, each change once, whatever is written meanwhile', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const groups = [await createGroup(alice, [bob]), await createGroup(alice, [bob]), await createGroup(alice, [bob])]
    const old = await storeMany(groups[0]?.id ?? '', alice, 30)
    const start = await tokenOf(bob)
    const sent: { id: string; conversationId: string }[] = []
    for (let n = 0; n < 13; n += 1) {
      const conversationId = groups[n % 3]?.id ?? ''
      for (const id of await storeMany(conversationId, alice, 100)) sent.push({ id, conversationId })
    }
    const deleteOf = (id: string, conversationId = groups[0]?.id ?? '') =>
      remove(alice, { id, conversationId } as Message)
    for (const id of old) await deleteOf(id)

    const later: string[] = []
    const deletedAfterTold: string[] = []
    const deletedBeforeTold: string[] = []
    const pages = await windowOf(bob, start, async pages => {
      for (const { id } of groups) later.push((await send(alice, id, `During page ${pages.length}`)).id)
      const told = new Set(pages.flatMap(page => ids(page.messages)))
      const [known, unknown] = [sent.filter(({ id }) => told.has(id)), sent.filter(({ id }) => !told.has(id))]
      for (const [from, to] of [
        [known, deletedAfterTold],
        [unknown, deletedBeforeTold],
      ] as const) {
        const message = from.find(({ id }) => !to.includes(id))
        if (!message) continue
        await deleteOf(message.id, message.conversationId)
        to.push(message.id)
      }
    })
    expect(pages.length).toBeGreaterThanOrEqual(3)
    for (const page of pages) expect(page.messages.length + page.deletions.length).toBeLessThanOrEqual(500)
    const inWindow = pages.flatMap(page => ids(page.messages))
    expect(new Set(inWindow).size).toBe(inWindow.length)
    expect(inWindow.filter(id => later.includes(id))).toEqual([])
    expect(pages.flatMap(page => page.deletions.map(({ messageId }) => messageId)).sort()).toEqual([...old].sort())
    expect(pages.flatMap(page => ids(page.conversations)).sort()).toEqual(ids(groups).sort())

    const next = await windowOf(bob, pages.at(-1)?.next ?? '')
    expect(next.flatMap(page => ids(page.messages)).sort()).toEqual([...later].sort())
    expect(next.flatMap(page => page.deletions.map(({ messageId }) => messageId)).sort()).toEqual(
      [...deletedAfterTold, ...deletedBeforeTold].sort(),
    )
    expect([...inWindow, ...deletedBeforeTold].sort()).toEqual(ids(sent).sort())
    expect(deletedAfterTold.length).toBeGreaterThan(0)
    expect(deletedBeforeTold.length).toBeGreaterThan(0)
    expect(await since(bob, next.at(-1)?.next ?? '')).toMatchObject(nothing)
  })

  test('loses nothing of rows that change again while its pages are read', async () => {
    const [alice = '', bob = '', agent = ''] = newUsers(3)
    const made = [await createGroup(alice, [bob]), await createGroup(alice, [bob]), await createGroup(alice, [bob])]
    const [long = '', readAgain = '', renamed = ''] = ids(made).sort()
    for (const id of [readAgain, renamed]) await send(alice, id)
    const token = await tokenOf(alice)
    await storeMany(long, alice, 600)
    await read(bob, readAgain, 1)
    const notice = v7()
    await world.db.transaction().execute(async trx => {
      await sql`
        update conversations set last_seq = 2, last_message_id = ${notice}, changed_xid = pg_current_xact_id()
        where id = ${renamed}`.execute(trx)
      await sql`
        insert into messages (id, conversation_id, seq, sender_id, type, content, sent_at)
        values (${notice}, ${renamed}, 2, ${agent}, 'system', 'Nobody is here', now())`.execute(trx)
    })
    const first = await since(alice, token)
    expect(first).toMatchObject({ hasMore: true, messages: { length: 500 } })
    await world.http(alice, `PUT /conversations/${readAgain}/participants/${bob}/role`, { body: { role: 'admin' } })
    await world.http(alice, `PATCH /conversations/${renamed}`, { body: { name: 'Renamed' } })
    const second = await since(alice, first.next)
    expect(second.hasMore).toBe(false)
    expect(second.messages).toHaveLength(101)
    expect(second.messages.at(-1)).toMatchObject({ id: notice, conversationId: renamed })
    expect(second.reads).toEqual([{ conversationId: readAgain, userId: bob, lastReadSeq: 1 }])
    const next = await since(alice, second.next)
    expect(ids(next.conversations)).toEqual([readAgain, renamed])
    expect(next).toMatchObject({ messages: [], reads: [] })
  })

  test('leaves a conversation that the caller joins meanwhile to the next, whole', async () => {
    const [alice = '', agent = ''] = newUsers(2)
    const made = [await createGroup(alice, [world.newUser()]), await createGroup(alice, [world.newUser()])]
    const [long = '', joined = ''] = ids(made).sort()
    await add(alice, long, agent)
    const token = await tokenOf(agent)
    await storeMany(long, alice, 600)
    const messages = await storeMany(joined, alice, 3)
    const first = await since(agent, token)
    await world.db.transaction().execute(async trx => {
      const users = [{ userId: agent, role: 'agent' as const }]
      await insertParticipants(trx, { conversationId: joined, users, joinedSeq: 0 }, new Date())
    })
    const second = await since(agent, first.next)
    expect(second).toMatchObject({ conversations: [], messages: { length: 100 }, reads: [], hasMore: false })
    const next = await since(agent, second.next)
    expect(ids(next.messages)).toEqual(messages)
  })

  test('over more than 100 conversations tells each once, before its messages', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const token = await tokenOf(bob)
    const made: Conversation[] = []
    for (let n = 0; n < 130; n += 1) made.push(await createGroup(alice, [bob]))
    for (const { id } of made) await storeMany(id, alice, 5)
    const pages = await windowOf(bob, token)
    expect(pages.flatMap(page => ids(page.conversations)).sort()).toEqual(ids(made).sort())
    const known = new Set<string>()
    for (const { conversations, messages } of pages) {
      expect(conversations.length).toBeLessThanOrEqual(100)
      for (const { id } of conversations) known.add(id)
      for (const { conversationId } of messages) expect(known).toContain(conversationId)
    }
    const messages = pages.flatMap(page => ids(page.messages))
    expect(new Set(messages).size).toBe(650)
    expect(messages).toHaveLength(650)
  })

  test('that are large fits into what Lambda can answer with', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await createGroup(alice, [bob])
    const token = await tokenOf(bob)
    const sent = await storeMany(id, alice, 450, '"'.repeat(4_000))
    const pages = await windowOf(bob, token)
    expect(pages.flatMap(page => ids(page.messages))).toEqual(sent)
    for (const page of pages) {
      const result = JSON.stringify({ statusCode: 200, body: JSON.stringify(page) })
      expect(Buffer.byteLength(result)).toBeLessThan(4 * 1024 * 1024)
    }
  })
})

describe('a token', () => {
  const expectProblem = async (userId: string, token: string, code: string) =>
    expect(await ask(userId, `?since=${encodeURIComponent(token)}`)).toMatchObject({ status: 400, body: { code } })

  test('is good for 7 days, also when it is in the middle of its pages', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const token = await tokenOf(bob)
    await storeMany(id, alice, 600)
    world.clock.advance(6 * day)
    const first = await since(bob, token)
    expect(first.hasMore).toBe(true)
    world.clock.advance(day - 60_000)
    const last = await since(bob, first.next)
    expect(last).toMatchObject({ hasMore: false, messages: { length: 100 } })
    world.clock.advance(day)
    await expectProblem(bob, token, 'sync_token_expired')
    await expectProblem(bob, first.next, 'sync_token_expired')
    expect(await since(bob, last.next)).toMatchObject(nothing)
    world.clock.advance(-8 * day + 60_000)
  })

  test('of another user is refused', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    await expectProblem(bob, await tokenOf(alice), 'invalid_cursor')
  })

  test('that is damaged is refused', async () => {
    const alice = world.newUser()
    const token = await tokenOf(alice)
    for (const damaged of ['', 'x', 'null', token.slice(1), token.slice(0, -4), `${token.slice(0, -6)}AAAAAA`, '%00']) {
      await expectProblem(alice, damaged, 'invalid_cursor')
    }
  })

  test('that says what no token says is refused, though its check is right', async () => {
    const alice = world.newUser()
    const { epoch } = await readMoment(world.db)
    const moments = [
      [],
      [5],
      [0, 0],
      [-1, 3],
      [5, -1],
      [5, 3, 0],
      [5, 3, 0, 4],
      [1.5, 1],
      [2 ** 53, 2 ** 53],
      ['5', 1],
      [2 ** 52, 2 ** 52, 2 ** 52],
    ]
    const scope = JSON.stringify(['sync', alice])
    for (const snapshot of moments) {
      await expectProblem(alice, encodeCursor(scope, [1, epoch, [Date.now(), snapshot], null]), 'invalid_cursor')
    }
    for (const token of [[], [2, epoch, [Date.now(), [5, 0]], null], [1, 'x', [Date.now(), [5, 0]], null]]) {
      await expectProblem(alice, encodeCursor(scope, token), 'invalid_cursor')
    }
  })

  test('from before a restore is expired: its history is another, or ahead of this one', async () => {
    const alice = world.newUser()
    const viewer = { id: alice }
    const { epoch } = await readMoment(world.db)
    const lower = { takenAt: Date.now(), snapshot: '10:12:11' }
    await since(alice, encodeSyncToken(viewer, { epoch, lower, page: null }))
    await expectProblem(
      alice,
      encodeSyncToken(viewer, { epoch: randomUUID(), lower, page: null }),
      'sync_token_expired',
    )
    const ahead = { ...lower, snapshot: '900000000000:900000000000:' }
    await expectProblem(alice, encodeSyncToken(viewer, { epoch, lower: ahead, page: null }), 'sync_token_expired')
  })

  test('fits into a URL also when 1,000 transactions were running', () => {
    const running = Array.from({ length: 1_000 }, (_, n) => 3_000_000_000 + n * 3)
    const moment = { takenAt: Date.now(), snapshot: `${running[0]}:${3_000_004_000}:${running.join(',')}` }
    const position = { conversationId: randomUUID(), within: { seq: 1_000_000, boundary: 900_000 } }
    const token = encodeSyncToken(
      { id: randomUUID(), businessId: randomUUID() },
      {
        epoch: randomUUID(),
        lower: moment,
        page: { upper: moment, position },
      },
    )
    expect(token.length).toBeLessThan(6_000)
  })

  test.each(['?limit=10', '?cursor=x', '?since=a&since=b'])(
    'is all that may be asked with: %s is refused',
    async query => {
      expect(await ask(world.newUser(), query)).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
    },
  )
})
