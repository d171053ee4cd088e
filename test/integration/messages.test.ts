import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import { v4, v7 } from 'uuid'
import { createHandler } from '../../functions/websocket/message.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { insertParticipants, removeParticipant } from '../../shared/conversations/participants.repository.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import { sendMessage } from '../../shared/messages/send-message.ts'
import { countingStatements, redisWritesDuring } from '../support/costs.ts'
import { lambdaContext } from '../support/lambda.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const newUsers = (count: number) => Array.from({ length: count }, () => world.newUser())
const openDirect = async (userId: string, targetUserId: string) =>
  (await world.http<Conversation>(userId, 'POST /conversations/direct', { body: { targetUserId } })).body
const createGroup = async (userId: string, participantIds: string[]) =>
  (await world.http<Conversation>(userId, 'POST /conversations/group', { body: { participantIds } })).body
const send = (userId: string, id: string, body: object) =>
  world.http<Message>(userId, `POST /conversations/${id}/messages`, { body })
const history = async (userId: string, id: string, query = '') =>
  (await world.http<MessagePage>(userId, `GET /conversations/${id}/messages${query}`)).body
const day = 24 * 60 * 60 * 1000

describe('sending a message', () => {
  test('answers with the stored one and pushes it to every other connection of every participant', async () => {
    const [alice = '', bob = '', eve = ''] = newUsers(3)
    const { id } = await openDirect(alice, bob)
    const [phone, laptop, bobs, eves] = await Promise.all([alice, alice, bob, eve].map(user => world.connect(user)))
    const metadata = { replyTo: 'x', note: '\u0000 and \ud83d\ude00', nested: { deep: [1, null] } }
    const answer = await phone?.send({
      action: 'message.send',
      requestId: 'r1',
      data: { conversationId: id, content: 'Hello', metadata },
    })
    expect(answer).toMatchObject({
      event: 'ack',
      requestId: 'r1',
      data: { conversationId: id, seq: 1, duplicate: false },
    })
    const stored = (await history(bob, id)).items
    expect(stored).toMatchObject([
      { seq: 1, senderId: alice, type: 'text', content: 'Hello', metadata, deletedAt: null },
    ])
    expect(bobs?.events('message.created')).toEqual([{ message: stored[0] }])
    expect(laptop?.events('message.created')).toMatchObject([{ message: { seq: 1, status: 'sent' } }])
    expect(phone?.events('message.created')).toEqual([])
    expect(eves?.events('message.created')).toEqual([])
  })

  test('stores one message when the same id comes 50 times at once', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id: conversationId } = await openDirect(alice, bob)
    const id = v7()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => send(alice, conversationId, { id, content: 'Once' })),
    )
    expect(answers.filter(answer => answer.status === 201)).toHaveLength(1)
    expect(answers.filter(answer => answer.status === 200)).toHaveLength(49)
    expect(new Set(answers.map(answer => answer.body.seq))).toEqual(new Set([1]))
    expect((await send(alice, conversationId, { content: 'Next' })).body.seq).toBe(2)
    expect((await history(bob, conversationId)).items.map(message => message.seq)).toEqual([1, 2])
  })

  test('is pushed once, however often it is repeated', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id: conversationId } = await openDirect(alice, bob)
    const socket = await world.connect(bob)
    const id = v7()
    await send(alice, conversationId, { id, content: 'Once' })
    await send(alice, conversationId, { id, content: 'Once' })
    expect(socket.events('message.created')).toHaveLength(1)
  })

  test('refuses an id that belongs to another conversation or another sender', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const [first, second] = [await openDirect(alice, bob), await openDirect(alice, carol)]
    const id = v7()
    await send(alice, first.id, { id, content: 'Mine' })
    const elsewhere = await send(alice, second.id, { id, content: 'Mine' })
    const byBob = await send(bob, first.id, { id, content: 'Mine' })
    for (const answer of [elsewhere, byBob])
      expect(answer).toMatchObject({ status: 409, body: { code: 'message_id_taken' } })
    expect((await send(carol, second.id, { content: 'First here' })).body.seq).toBe(1)
  })

  test('refuses an id that is too old unless it is stored, and one from the future', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id: conversationId } = await openDirect(alice, bob)
    const now = Date.now()
    const old = await send(alice, conversationId, { id: v7({ msecs: now - day - 60_000 }), content: 'Late' })
    expect(old).toMatchObject({ status: 400, body: { code: 'message_id_expired' } })
    const almost = await send(alice, conversationId, { id: v7({ msecs: now - day + 60_000 }), content: 'In time' })
    expect(almost.status).toBe(201)
    const future = await send(alice, conversationId, { id: v7({ msecs: now + 6 * 60_000 }), content: 'Early' })
    expect(future).toMatchObject({ status: 400, body: { code: 'validation_failed', errors: [{ path: 'id' }] } })
    const random = await send(alice, conversationId, { id: v4(), content: 'No time' })
    expect(random).toMatchObject({ status: 400, body: { errors: [{ path: 'id' }] } })
    world.clock.advance(2 * day)
    const repeated = await send(alice, conversationId, { id: almost.body.id, content: 'In time' })
    world.clock.advance(-2 * day)
    expect(repeated).toMatchObject({ status: 200, body: { id: almost.body.id, seq: 1 } })
  })

  test('answers a repeated send with the stored message also after its deletion', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id: conversationId } = await openDirect(alice, bob)
    const id = v7()
    await send(alice, conversationId, { id, content: 'Gone' })
    await world.http(alice, `DELETE /conversations/${conversationId}/messages/${id}`)
    const repeated = await send(alice, conversationId, { id, content: 'Gone' })
    expect(repeated).toMatchObject({ status: 200, body: { id, content: null } })
    expect(repeated.body.deletedAt).not.toBeNull()
  })

  test('moves the read position of the sender and of nobody else', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    await send(bob, id, { content: 'One' })
    await send(alice, id, { content: 'Two' })
    const [forAlice, forBob] = await Promise.all(
      [alice, bob].map(user => world.http<Conversation>(user, `GET /conversations/${id}`)),
    )
    expect([forAlice?.body.unreadCount, forBob?.body.unreadCount]).toEqual([0, 1])
    const positions = forAlice?.body.participants.map(({ userId, lastReadSeq }) => [userId, lastReadSeq])
    expect(Object.fromEntries(positions ?? [])).toEqual({ [alice]: 2, [bob]: 1 })
  })

  test('keeps lastMessage the newest after concurrent sends', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    await Promise.all(Array.from({ length: 40 }, (_, n) => send(n % 2 ? alice : bob, id, { content: `No. ${n}` })))
    const { body } = await world.http<Conversation>(alice, `GET /conversations/${id}`)
    const { items } = await history(alice, id)
    expect(items.map(message => message.seq)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1))
    expect(body.lastSeq).toBe(40)
    expect(body.lastMessage?.id).toBe(items.at(-1)?.id)
    const times = items.map(message => message.sentAt)
    expect(times).toEqual([...times].sort())
  })

  test('costs one SQL statement and two Redis round trips, one of them for the limits', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const { id: conversationId } = await createGroup(alice, [bob, carol])
    const socket = await world.connect(alice)
    await world.connect(bob)
    await world.connect(carol)
    const counter = countingStatements(world.db)
    const handler = createHandler({ ...world.deps, db: counter.db })
    const authorizer = { userId: alice, kahaId: 'K', expiresAt: String(Date.now() + 60_000) }
    const requestContext = {
      requestId: 'r',
      routeKey: '$default',
      connectionId: socket.connectionId,
      connectedAt: 0,
      authorizer,
    }
    const body = JSON.stringify({
      action: 'message.send',
      requestId: '1',
      data: { conversationId, content: 'Counted' },
    })
    const writes = await redisWritesDuring(world.redis, async () => {
      expect((await handler({ requestContext, body }, lambdaContext())).statusCode).toBe(200)
    })
    expect(counter.statements).toBe(1)
    expect(writes).toHaveLength(2)
    expect(world.push.frames.filter(frame => JSON.stringify(frame.data).includes('Counted'))).toHaveLength(2)
  })
})

describe('a send that waits for the conversation', () => {
  const waitUntilBlocked = async () => {
    for (;;) {
      const { rows } = await sql`
        select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%send_message%'`.execute(world.db)
      if (rows.length > 0) return
      await delay(5)
    }
  }

  test('is refused when its sender is removed meanwhile', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await createGroup(alice, [bob])
    const waiting = await world.db.transaction().execute(async trx => {
      await sql`select 1 from conversations where id = ${id} for update`.execute(trx)
      const sending = send(bob, id, { content: 'Too late' })
      await waitUntilBlocked()
      await removeParticipant(trx, { conversation_id: id, user_id: bob } as never, new Date())
      return { sending }
    })
    expect(await waiting.sending).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect((await send(alice, id, { content: 'No seq was burnt' })).body.seq).toBe(1)
  })

  test('reaches a member who is added meanwhile', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const { id } = await createGroup(alice, [bob])
    await world.http(carol, 'GET /conversations')
    const socket = await world.connect(carol)
    const waiting = await world.db.transaction().execute(async trx => {
      await sql`select 1 from conversations where id = ${id} for update`.execute(trx)
      const sending = send(alice, id, { content: 'Welcome' })
      await waitUntilBlocked()
      const users = [{ userId: carol, role: 'member' as const }]
      await insertParticipants(trx, { conversationId: id, users, joinedSeq: 0 }, new Date())
      return { sending }
    })
    expect((await waiting.sending).status).toBe(201)
    expect(socket.events('message.created')).toMatchObject([{ message: { content: 'Welcome' } }])
    expect((await history(carol, id)).items).toHaveLength(1)
  })
})

describe('who was removed', () => {
  test('receives, reads, sends and finds nothing any more', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await createGroup(alice, [bob])
    const { body: message } = await send(alice, id, { content: 'Before' })
    const socket = await world.connect(bob)
    await world.http(alice, `DELETE /conversations/${id}/participants/${bob}`)
    await send(alice, id, { content: 'After' })
    expect(socket.events('participant.removed')).toEqual([{ conversationId: id, userId: bob }])
    expect(socket.events('message.created')).toEqual([])
    const answers = await Promise.all([
      send(bob, id, { content: 'Still here?' }),
      world.http(bob, `GET /conversations/${id}/messages`),
      world.http(bob, `GET /conversations/${id}/messages/${message.id}`),
      world.http(bob, `DELETE /conversations/${id}/messages/${message.id}`),
      world.http(bob, `GET /conversations/${id}`),
      socket.send({ action: 'message.send', data: { conversationId: id, content: 'Hi' } }),
    ])
    for (const answer of answers) expect(answer).toMatchObject({ ...('status' in answer && { status: 404 }) })
    expect(answers.at(-1)).toMatchObject({ event: 'error', error: { code: 'not_found' } })
    const list = await world.http<{ items: unknown[] }>(bob, 'GET /conversations')
    expect(list.body.items).toEqual([])
  })

  test('starts anew after joining again', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await createGroup(alice, [bob])
    await send(alice, id, { content: 'Seen' })
    await world.http(alice, `DELETE /conversations/${id}/participants/${bob}`)
    const { body: missed } = await send(alice, id, { content: 'Missed' })
    await world.http(alice, `POST /conversations/${id}/participants`, { body: { userId: bob } })
    const joined = await world.http<Conversation>(bob, `GET /conversations/${id}`)
    expect(joined.body).toMatchObject({ lastMessage: null, unreadCount: 0, lastSeq: 2 })
    await send(alice, id, { content: 'Hello again' })
    expect((await history(bob, id)).items.map(message => message.content)).toEqual(['Hello again'])
    expect(await world.http(bob, `GET /conversations/${id}/messages/${missed.id}`)).toMatchObject({ status: 404 })
    const after = await world.http<Conversation>(bob, `GET /conversations/${id}`)
    expect(after.body).toMatchObject({ lastMessage: { content: 'Hello again' }, unreadCount: 1 })
  })
})

describe('history', () => {
  test('is paged by seq in both directions, and a page does not shift when messages arrive', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    for (let n = 1; n <= 9; n += 1) await send(alice, id, { content: `${n}` })
    const seqs = async (query: string) => {
      const { items, hasMore } = await history(bob, id, query)
      return [items.map(message => message.seq), hasMore]
    }
    expect(await seqs('?limit=4')).toEqual([[6, 7, 8, 9], true])
    await send(alice, id, { content: '10' })
    expect(await seqs('?limit=4&before=6')).toEqual([[2, 3, 4, 5], true])
    expect(await seqs('?limit=4&before=2')).toEqual([[1], false])
    expect(await seqs('?limit=4&after=0')).toEqual([[1, 2, 3, 4], true])
    expect(await seqs('?limit=4&after=7')).toEqual([[8, 9, 10], false])
    expect(await seqs('?after=10')).toEqual([[], false])
  })

  test.each(['before=-1', 'after=x', 'before=1&after=2', 'limit=0', 'limit=101', 'offset=3', 'after=9007199254740993'])(
    'refuses ?%s',
    async query => {
      const [alice = '', bob = ''] = newUsers(2)
      const { id } = await openDirect(alice, bob)
      const answer = await world.http(alice, `GET /conversations/${id}/messages?${query}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
    },
  )

  test('does not show what is past retention, nor a deletion after 7 days', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const { body: old } = await send(alice, id, { content: 'Old' })
    const { body: deleted } = await send(alice, id, { content: 'Deleted' })
    await world.http(alice, `DELETE /conversations/${id}/messages/${deleted.id}`)
    const contents = async () => (await history(bob, id)).items.map(message => message.content)
    expect(await contents()).toEqual(['Old', null])
    world.clock.advance(7 * day + 1_000)
    expect(await contents()).toEqual(['Old'])
    world.clock.advance(83 * day)
    expect(await contents()).toEqual([])
    expect(await world.http(bob, `GET /conversations/${id}/messages/${old.id}`)).toMatchObject({ status: 404 })
    expect((await world.http<Conversation>(bob, `GET /conversations/${id}`)).body).toMatchObject({
      lastMessage: null,
      unreadCount: 0,
      lastSeq: 2,
    })
    world.clock.advance(-90 * day - 1_000)
  })
})

describe('deleting a message', () => {
  test('empties it for everybody, once, and tells whoever could see it', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const { body: message } = await send(alice, id, { content: 'Oops', metadata: { a: 1 } })
    const [bobs, alices] = await Promise.all([world.connect(bob), world.connect(alice)])
    const path = `DELETE /conversations/${id}/messages/${message.id}`
    expect(await world.http(alice, path)).toMatchObject({ status: 204, body: undefined })
    expect(
      await alices?.send({
        action: 'message.delete',
        requestId: '1',
        data: { conversationId: id, messageId: message.id },
      }),
    ).toEqual({
      event: 'ack',
      requestId: '1',
      data: {},
    })
    expect(bobs?.events('message.deleted')).toMatchObject([{ conversationId: id, messageId: message.id, seq: 1 }])
    expect((await history(bob, id)).items).toMatchObject([{ id: message.id, content: null, metadata: null }])
    const { rows } = await sql`select content, metadata, key_id, body from messages where id = ${message.id}`.execute(
      world.db,
    )
    expect(rows).toEqual([{ content: null, metadata: null, key_id: null, body: null }])
    const { body } = await world.http<Conversation>(bob, `GET /conversations/${id}`)
    expect(body).toMatchObject({ unreadCount: 0, lastMessage: { content: null } })
  })

  test('is for its sender and for admins of a group only', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const group = await createGroup(alice, [bob, carol])
    const direct = await openDirect(alice, bob)
    const { body: bobs } = await send(bob, group.id, { content: 'In the group' })
    const { body: bobsDirect } = await send(bob, direct.id, { content: 'In private' })
    const remove = (user: string, message: Message) =>
      world.http(user, `DELETE /conversations/${message.conversationId}/messages/${message.id}`)
    expect(await remove(carol, bobs)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await remove(alice, bobsDirect)).toMatchObject({ status: 403 })
    expect(await remove(alice, bobs)).toMatchObject({ status: 204 })
    expect(await remove(bob, bobsDirect)).toMatchObject({ status: 204 })
  })
})

describe('a push', () => {
  test('that meets 410 removes the connection, unless it may still be connecting', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const dead = await world.connect(bob, { connectedAt: Date.now() - 60_000 })
    const young = await world.connect(bob)
    for (const socket of [dead, young]) world.push.answer(socket.connectionId, 'gone')
    await send(alice, id, { content: 'Anybody?' })
    const left = await world.switchboard.connectionsOf([bob])
    expect(left.map(connection => connection.id)).toEqual([young.connectionId])
  })

  test('that fails, or a Redis that is gone, does not fail the send', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    const socket = await world.connect(bob)
    world.push.answer(socket.connectionId, 'failed')
    expect((await send(alice, id, { content: 'One' })).status).toBe(201)
    const broken = { ...world.switchboard, route: () => Promise.reject(new Error('Redis is gone')) }
    const { message } = await sendMessage(
      { ...world.deps, switchboard: broken },
      { conversationId: id, senderId: alice, content: 'Two' },
    )
    expect(message.seq).toBe(2)
  })
})

test('a conversation that does not exist takes no message', async () => {
  const answer = await send(world.newUser(), randomUUID(), { content: 'Hello?' })
  expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
})
