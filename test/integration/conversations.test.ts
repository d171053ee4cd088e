import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import type { Conversation, ConversationPage, Participant } from '../../shared/conversations/conversations.schema.ts'
import type { ProblemDocument } from '../../shared/platform/problem.schema.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const openDirect = (userId: string, targetUserId: string) =>
  world.http<Conversation>(userId, 'POST /conversations/direct', { body: { targetUserId } })
const createGroup = (userId: string, participantIds: string[], more: object = {}) =>
  world.http<Conversation>(userId, 'POST /conversations/group', { body: { participantIds, ...more } })
const newUsers = (count: number) => Array.from({ length: count }, () => world.newUser())
const participantsPath = (id: string) => `/conversations/${id}/participants`

describe('a direct conversation', () => {
  test('is made once for a pair, whoever asks', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const first = await openDirect(alice, bob)
    const second = await openDirect(bob, alice)
    expect(first.status).toBe(201)
    expect(second.status).toBe(200)
    expect(second.body.id).toBe(first.body.id)
    expect(first.body.participants.map(({ userId }) => userId).sort()).toEqual([alice, bob].sort())
    expect(first.body).toMatchObject({ type: 'direct', lastSeq: 0, lastMessage: null, unreadCount: 0 })
  })

  test('is one even when 50 calls for a pair come at once', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, call) => (call % 2 ? openDirect(alice, bob) : openDirect(bob, alice))),
    )
    expect(new Set(answers.map(answer => answer.body.id)).size).toBe(1)
    expect(answers.filter(answer => answer.status === 201)).toHaveLength(1)
    expect(answers.filter(answer => answer.status === 200)).toHaveLength(49)
    const rows = await world.db.selectFrom('participants').select('user_id').where('user_id', '=', alice).execute()
    expect(rows).toHaveLength(1)
  })

  test('shows each the name of the other', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { body } = await openDirect(alice, bob)
    const seenByBob = await world.http<Conversation>(bob, `GET /conversations/${body.id}`)
    expect(body.name).toBe(`User ${bob.slice(-4)}`)
    expect(seenByBob.body.name).toBe(`User ${alice.slice(-4)}`)
  })

  test('with oneself is not possible', async () => {
    const alice = world.newUser()
    const { status, body } = await world.http(alice, 'POST /conversations/direct', { body: { targetUserId: alice } })
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'validation_failed', errors: [{ path: 'targetUserId' }] })
  })

  test('takes no third user, loses nobody and has no name to change', async () => {
    const [alice = '', bob = '', eve = ''] = newUsers(3)
    const { body } = await openDirect(alice, bob)
    const answers = await Promise.all([
      world.http(alice, `POST ${participantsPath(body.id)}`, { body: { userId: eve } }),
      world.http(alice, `DELETE ${participantsPath(body.id)}/${bob}`),
      world.http(alice, `DELETE ${participantsPath(body.id)}/${alice}`),
      world.http(alice, `PUT ${participantsPath(body.id)}/${bob}/role`, { body: { role: 'admin' } }),
      world.http(alice, `PATCH /conversations/${body.id}`, { body: { name: 'Ours' } }),
    ])
    for (const answer of answers) expect(answer).toMatchObject({ status: 409, body: { code: 'direct_conversation' } })
  })

  test('tells the other user of itself', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const socket = await world.connect(bob)
    const { body } = await openDirect(alice, bob)
    expect(socket.events('conversation.created')).toMatchObject([
      { conversation: { id: body.id, name: `User ${alice.slice(-4)}` } },
    ])
  })
})

describe('a group', () => {
  test('has its creator as admin and everybody else as member', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const { status, body } = await createGroup(alice, [bob, carol], { name: '  <b>Trip</b> to\nPokhara ' })
    expect(status).toBe(201)
    expect(body.name).toBe('Trip to Pokhara')
    const roles = Object.fromEntries(body.participants.map(({ userId, role }) => [userId, role]))
    expect(roles).toEqual({ [alice]: 'admin', [bob]: 'member', [carol]: 'member' })
  })

  test('without a name shows the first three others', async () => {
    const users = newUsers(5)
    const [alice = '', ...others] = users
    const { body } = await createGroup(alice, others)
    expect(body.name.split(', ')).toHaveLength(3)
    for (const name of body.name.split(', ')) expect(others.map(id => `User ${id.slice(-4)}`)).toContain(name)
  })

  test('is made once for an id that its creator repeats, and refused for anybody else', async () => {
    const [alice = '', bob = '', eve = ''] = newUsers(3)
    const id = randomUUID()
    const first = await createGroup(alice, [bob], { id })
    const again = await createGroup(alice, [bob], { id })
    const foreign = await createGroup(eve, [bob], { id })
    expect([first.status, again.status, foreign.status]).toEqual([201, 200, 409])
    expect(again.body).toEqual(first.body)
    expect(foreign.body).toMatchObject({ code: 'conversation_id_taken' })
  })

  test.each([
    ['nobody', () => []],
    ['more than seven others', () => newUsers(8)],
    ['a user twice', () => Array(2).fill(world.newUser())],
    ['something that is no id', () => ['bob']],
  ])('with %s is not possible', async (_, participants) => {
    const { status, body } = await createGroup(world.newUser(), participants())
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'validation_failed' })
  })

  test('of seven ends with eight when twenty are added at once', async () => {
    const [alice = '', ...others] = newUsers(7)
    const { body } = await createGroup(alice, others)
    const answers = await Promise.all(
      newUsers(20).map(userId => world.http(alice, `POST ${participantsPath(body.id)}`, { body: { userId } })),
    )
    expect(answers.filter(answer => answer.status === 201)).toHaveLength(1)
    const refused = answers.filter(answer => answer.status === 409)
    expect(refused).toHaveLength(19)
    for (const answer of refused) expect(answer.body).toMatchObject({ code: 'group_full' })
    const seen = await world.http<Conversation>(alice, `GET /conversations/${body.id}`)
    expect(seen.body.participants).toHaveLength(8)
  })

  test('lets only admins add, remove, rename and change roles', async () => {
    const [alice = '', bob = '', carol = '', eve = ''] = newUsers(4)
    const { body } = await createGroup(alice, [bob, carol])
    const answers = await Promise.all([
      world.http(bob, `POST ${participantsPath(body.id)}`, { body: { userId: eve } }),
      world.http(bob, `DELETE ${participantsPath(body.id)}/${carol}`),
      world.http(bob, `PATCH /conversations/${body.id}`, { body: { name: 'Mine' } }),
      world.http(bob, `PUT ${participantsPath(body.id)}/${bob}/role`, { body: { role: 'admin' } }),
    ])
    for (const answer of answers) expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  })

  test('refuses a participant who is there already', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { body } = await createGroup(alice, [bob])
    const answer = await world.http(alice, `POST ${participantsPath(body.id)}`, { body: { userId: bob } })
    expect(answer).toMatchObject({ status: 409, body: { code: 'already_participant' } })
  })

  test('keeps an admin: the last one is not demoted, and leaves the role to the longest-standing member', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const { body } = await createGroup(alice, [bob])
    world.clock.advance(5)
    await world.http(alice, `POST ${participantsPath(body.id)}`, { body: { userId: carol } })
    const demoted = await world.http(alice, `PUT ${participantsPath(body.id)}/${alice}/role`, {
      body: { role: 'member' },
    })
    expect(demoted).toMatchObject({ status: 409, body: { code: 'last_admin' } })
    const carolsSocket = await world.connect(carol)
    expect(await world.http(alice, `DELETE ${participantsPath(body.id)}/${alice}`)).toMatchObject({ status: 204 })
    const seen = await world.http<Conversation>(carol, `GET /conversations/${body.id}`)
    const roles = Object.fromEntries(seen.body.participants.map(({ userId, role }) => [userId, role]))
    expect(roles).toEqual({ [bob]: 'admin', [carol]: 'member' })
    expect(carolsSocket.events('participant.removed')).toEqual([{ conversationId: body.id, userId: alice }])
    expect(carolsSocket.events('participant.updated')).toMatchObject([
      { conversationId: body.id, participant: { userId: bob, role: 'admin' } },
    ])
  })

  test('changes a role back and forth', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { body } = await createGroup(alice, [bob])
    const path = `PUT ${participantsPath(body.id)}/${bob}/role`
    const promoted = await world.http<Participant>(alice, path, { body: { role: 'admin' } })
    expect(promoted).toMatchObject({ status: 200, body: { userId: bob, role: 'admin' } })
    const demoted = await world.http<Participant>(alice, path, { body: { role: 'member' } })
    expect(demoted).toMatchObject({ status: 200, body: { role: 'member' } })
    const stranger = await world.http(alice, `PUT ${participantsPath(body.id)}/${world.newUser()}/role`, {
      body: { role: 'member' },
    })
    expect(stranger).toMatchObject({ status: 404 })
  })
})

describe('a conversation of others', () => {
  test('looks like one that does not exist, on every route', async () => {
    const [alice = '', bob = '', eve = ''] = newUsers(3)
    const { body } = await createGroup(alice, [bob])
    const messageId = randomUUID()
    const requests = (id: string): [string, object?][] => [
      [`GET /conversations/${id}`],
      [`PATCH /conversations/${id}`, { name: 'Eve' }],
      [`POST ${participantsPath(id)}`, { userId: eve }],
      [`DELETE ${participantsPath(id)}/${bob}`],
      [`PUT ${participantsPath(id)}/${bob}/role`, { role: 'admin' }],
      [`POST /conversations/${id}/messages`, { content: 'Hi' }],
      [`GET /conversations/${id}/messages`],
      [`GET /conversations/${id}/messages/${messageId}`],
      [`DELETE /conversations/${id}/messages/${messageId}`],
    ]
    const ask = (id: string) =>
      Promise.all(
        requests(id).map(async ([request, requestBody]) => {
          const answer = await world.http<ProblemDocument>(eve, request, requestBody ? { body: requestBody } : {})
          const { requestId, ...rest } = answer.body
          expect(requestId).toBeTruthy()
          return { status: answer.status, rest }
        }),
      )
    const foreign = await ask(body.id)
    const missing = await ask(randomUUID())
    expect(foreign).toEqual(missing)
    for (const { status } of foreign) expect(status).toBe(404)
    const seen = await world.http<Conversation>(alice, `GET /conversations/${body.id}`)
    expect(seen.body).toMatchObject({ lastSeq: 0, participants: { length: 2 } })
  })
})

describe('the list of conversations', () => {
  const say = (userId: string, id: string, content: string) =>
    world.http(userId, `POST /conversations/${id}/messages`, { body: { content } })

  test('is ordered by newest activity and paged without gaps or repeats', async () => {
    const [alice = '', ...others] = newUsers(8)
    const ids: string[] = []
    for (const other of others) {
      ids.push((await openDirect(alice, other)).body.id)
      world.clock.advance(2)
    }
    await say(others[2] ?? '', ids[2] ?? '', 'Me first')
    const expected = [ids[2], ...ids.toReversed().filter(id => id !== ids[2])]
    const seen: string[] = []
    let cursor: string | null = ''
    let pages = 0
    while (cursor !== null) {
      const query: string = cursor && `&cursor=${cursor}`
      const page = await world.http<ConversationPage>(alice, `GET /conversations?limit=3${query}`)
      expect(page.status).toBe(200)
      seen.push(...page.body.items.map(item => item.id))
      cursor = page.body.nextCursor
      pages += 1
    }
    expect(seen).toEqual(expected)
    expect(pages).toBe(3)
  })

  test('is filtered by type, by unread and by the names of participants', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const direct = (await openDirect(alice, bob)).body
    const group = (await createGroup(alice, [carol], { name: 'Dashain Plans' })).body
    await say(bob, direct.id, 'Unread')
    const list = async (query: string) =>
      (await world.http<ConversationPage>(alice, `GET /conversations?${query}`)).body.items.map(item => item.id)
    expect(await list('type=group')).toEqual([group.id])
    expect(await list('type=direct')).toEqual([direct.id])
    expect(await list('unread=true')).toEqual([direct.id])
    expect(await list('search=dashain')).toEqual([group.id])
    expect(await list(`search=${bob.slice(-4).toUpperCase()}`)).toContain(direct.id)
    expect(await list('search=nobody%20at%20all')).toEqual([])
  })

  test('finds what it searches behind more than a page of others, and ends', async () => {
    const alice = world.newUser()
    const wanted = (await createGroup(alice, [world.newUser()], { name: 'Needle' })).body
    world.clock.advance(2)
    for (let made = 0; made < 120; made += 20) {
      await Promise.all(newUsers(20).map(other => openDirect(alice, other)))
    }
    const { body } = await world.http<ConversationPage>(alice, 'GET /conversations?search=needle&limit=5')
    expect(body.items.map(item => item.id)).toEqual([wanted.id])
    expect(body.nextCursor).toBeNull()
  })

  test.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'cursor=abc',
    'sort=name',
    'unread=yes',
    'type=channel',
    'limit=1&limit=2',
  ])('refuses ?%s', async query => {
    const { status } = await world.http(world.newUser(), `GET /conversations?${query}`)
    expect(status).toBe(400)
  })

  test('refuses a cursor of another user or of another filter', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    await openDirect(alice, bob)
    await openDirect(alice, carol)
    const { nextCursor } = (await world.http<ConversationPage>(alice, 'GET /conversations?limit=1')).body
    const foreign = await world.http(bob, `GET /conversations?limit=1&cursor=${nextCursor}`)
    const refiltered = await world.http(alice, `GET /conversations?limit=1&type=direct&cursor=${nextCursor}`)
    expect(foreign).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } })
    expect(refiltered).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } })
  })
})

describe('a user', () => {
  test('is made by the first valid token, once, also under concurrent first requests', async () => {
    const alice = world.newUser()
    await Promise.all(Array.from({ length: 20 }, () => world.http(alice, 'GET /conversations')))
    const rows = await world.db.selectFrom('users').selectAll().where('id', '=', alice).execute()
    expect(rows).toMatchObject([{ id: alice, kaha_id: `K-${alice.slice(0, 8)}` }])
  })

  test('who was only mentioned gets their kahaId with their first token', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    await openDirect(alice, bob)
    const before = await world.db.selectFrom('users').selectAll().where('id', '=', bob).executeTakeFirst()
    await world.http(bob, 'GET /conversations')
    const after = await world.db.selectFrom('users').selectAll().where('id', '=', bob).executeTakeFirst()
    expect(before?.kaha_id).toBeNull()
    expect(after?.kaha_id).toBe(`K-${bob.slice(0, 8)}`)
  })
})

test('every conversation row keeps what a send changes out of its indexes', async () => {
  const { rows } = await sql<{ indexdef: string }>`
    select indexdef from pg_indexes where tablename in ('conversations', 'participants')`.execute(world.db)
  for (const { indexdef } of rows) expect(indexdef).not.toMatch(/last_|changed_xid/)
})
