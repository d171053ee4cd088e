import { randomUUID } from 'node:crypto'
import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { v7 } from 'uuid'
import { repository } from '../../infra/local/local-directory.ts'
import { topology } from '../../infra/topology.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import { startProgram, testStack } from '../support/stack.ts'
import { newUser, type TestUser, testSecret } from '../support/tokens.ts'
import { openSocket, request, type WireSocket } from '../support/wire-client.ts'
import { badTokens } from './bad-tokens.ts'

const newUsers = async () => [await newUser(), await newUser(), await newUser()] as const

const openDirect = (user: TestUser, other: TestUser) =>
  request<Conversation>('POST /conversations/direct', { token: user.token, body: { targetUserId: other.id } })
const createGroup = async (user: TestUser, others: readonly TestUser[], name = 'Group') => {
  const body = { participantIds: others.map(({ id }) => id), name }
  return (await request<Conversation>('POST /conversations/group', { token: user.token, body })).body
}
const post = (user: TestUser, { id }: Conversation, body: object) =>
  request<Message>(`POST /conversations/${id}/messages`, { token: user.token, body })
const historyOf = async (user: TestUser, { id }: Conversation, query = '') =>
  (await request<MessagePage>(`GET /conversations/${id}/messages${query}`, { token: user.token })).body.items

/** The contents of the messages that have come to a socket by now: whatever was sent before has been pushed. */
const heard = async (socket: WireSocket): Promise<unknown[]> => {
  await socket.ask('ping')
  return socket.events('message.created').map(({ message }) => (message as Message).content)
}

describe('mistakes that other systems made are not made here:', () => {
  test('nobody subscribes to a conversation of others, or receives it', async () => {
    const [alice, bob, eve] = await newUsers()
    const { body: conversation } = await openDirect(alice, bob)
    const [bobs, eves] = await Promise.all([openSocket(bob.token), openSocket(eve.token)])
    for (const action of ['subscribe', 'join', 'conversation.join', 'sync', 'typing.start', 'message.read']) {
      eves.send({
        action,
        data: { conversationId: conversation.id, conversations: [{ id: conversation.id, afterSeq: 0 }] },
      })
    }
    await post(alice, conversation, { content: 'For Bob' })
    await bobs.until(({ event }) => event === 'message.created')
    expect(await heard(bobs)).toEqual(['For Bob'])
    expect(await heard(eves)).toEqual([])
    expect(JSON.stringify(eves.frames)).not.toContain('For Bob')
    await Promise.all([bobs.close(), eves.close()])
  })

  test('a removed member receives nothing any more', async () => {
    const [alice, bob, carol] = await newUsers()
    const group = await createGroup(alice, [bob, carol])
    const [bobs, carols] = await Promise.all([openSocket(bob.token), openSocket(carol.token)])
    await request(`DELETE /conversations/${group.id}/participants/${bob.id}`, { token: alice.token })
    await post(alice, group, { content: 'Without Bob' })
    await carols.until(({ event }) => event === 'message.created')
    expect(await heard(bobs)).toEqual([])
    expect(bobs.events('participant.removed')).toEqual([{ conversationId: group.id, userId: bob.id }])
    await Promise.all([bobs.close(), carols.close()])
  })

  test('a direct conversation takes no third user', async () => {
    const [alice, bob, eve] = await newUsers()
    const { body: conversation } = await openDirect(alice, bob)
    const body = { userId: eve.id }
    const answer = await request(`POST /conversations/${conversation.id}/participants`, { token: alice.token, body })
    expect(answer).toMatchObject({ status: 409, body: { code: 'direct_conversation' } })
    expect(await request(`GET /conversations/${conversation.id}`, { token: eve.token })).toMatchObject({ status: 404 })
  })

  test('six creations at once make one direct conversation', async () => {
    const [alice, bob] = await newUsers()
    const calls = [alice, bob, alice, bob, alice, bob].map(user => openDirect(user, user === alice ? bob : alice))
    const answers = await Promise.all(calls)
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    const { body } = await request<{ items: unknown[] }>('GET /conversations', { token: alice.token })
    expect(body.items).toHaveLength(1)
  })

  test('a resend makes no second message, over HTTP or WebSocket', async () => {
    const [alice, bob] = await newUsers()
    const { body: conversation } = await openDirect(alice, bob)
    const [alices, bobs] = await Promise.all([openSocket(alice.token), openSocket(bob.token)])
    const message = { id: v7(), content: 'Once' }
    expect(await post(alice, conversation, message)).toMatchObject({ status: 201, body: { seq: 1 } })
    expect(await post(alice, conversation, message)).toMatchObject({ status: 200, body: { seq: 1 } })
    const answer = await alices.ask('message.send', { conversationId: conversation.id, ...message })
    expect(answer.data).toMatchObject({ id: message.id, seq: 1, duplicate: true })
    await bobs.until(({ event }) => event === 'message.created')
    expect(await heard(bobs)).toEqual(['Once'])
    expect(await historyOf(bob, conversation)).toHaveLength(1)
    await Promise.all([alices.close(), bobs.close()])
  })

  test('pages of history do not shift when messages arrive, and the live order is the stored one', async () => {
    const [alice, bob] = await newUsers()
    const { body: conversation } = await openDirect(alice, bob)
    const bobs = await openSocket(bob.token)
    await Promise.all(Array.from({ length: 30 }, (_, number) => post(alice, conversation, { content: `${number}` })))
    const newest = await historyOf(bob, conversation, '?limit=10')
    await post(alice, conversation, { content: 'Meanwhile' })
    const older = await historyOf(bob, conversation, `?limit=10&before=${newest[0]?.seq}`)
    expect([...older, ...newest].map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, index) => index + 11))
    await bobs.until(() => bobs.events('message.created').length === 31)
    const live = bobs.events('message.created').map(({ message }) => message as Message)
    const bySeq = live.toSorted((a, b) => a.seq - b.seq).map(({ id }) => id)
    expect(bySeq).toEqual((await historyOf(bob, conversation)).map(({ id }) => id))
    await bobs.close()
  })

  test('lastMessage is the newest after sends at once', async () => {
    const [alice, bob] = await newUsers()
    const { body: conversation } = await openDirect(alice, bob)
    const sends = Array.from({ length: 20 }, (_, number) =>
      post(number % 2 ? alice : bob, conversation, { content: 'Hi' }),
    )
    const newest = (await Promise.all(sends)).find(({ body }) => body.seq === 20)
    const { body } = await request<Conversation>(`GET /conversations/${conversation.id}`, { token: alice.token })
    expect(body).toMatchObject({ lastSeq: 20, lastMessage: { seq: 20, id: newest?.body.id } })
  })

  test('a plain sentence keeps its data:, and <img onerror=…> does not come through', async () => {
    const [alice, bob] = await newUsers()
    const { body: conversation } = await openDirect(alice, bob)
    const sentence = 'The data: javascript: is a language, a < b && c > d, <3'
    await post(alice, conversation, { content: sentence })
    await post(alice, conversation, { content: 'Look <img src=x onerror=alert(1)>here' })
    const contents = (await historyOf(bob, conversation)).map(({ content }) => content)
    expect(contents).toEqual([sentence, 'Look here'])
  })

  test('a user id that nobody has seen is no error', async () => {
    const [alice, bob] = await newUsers()
    expect((await openDirect(alice, bob)).status).toBe(201)
    const group = await createGroup(alice, [bob])
    const path = `/conversations/${group.id}/participants`
    const body = { userId: randomUUID() }
    expect(await request(`POST ${path}`, { token: alice.token, body })).toMatchObject({ status: 201 })
    const stranger = randomUUID()
    expect(await request(`DELETE ${path}/${stranger}`, { token: alice.token })).toMatchObject({ status: 404 })
    const role = { token: alice.token, body: { role: 'admin' } }
    expect(await request(`PUT ${path}/${stranger}/role`, role)).toMatchObject({ status: 404 })
  })

  test('a message reaches every socket, whichever function sends it and took the socket', async () => {
    const [alice, bob, carol] = await newUsers()
    const group = await createGroup(alice, [bob, carol])
    const sockets = await Promise.all([alice, alice, bob, bob, carol].map(({ token }) => openSocket(token)))
    const [alices] = sockets
    await post(bob, group, { content: 'By HTTP' })
    await alices?.ask('message.send', { conversationId: group.id, content: 'By WebSocket' })
    await request(`PATCH /conversations/${group.id}`, { token: alice.token, body: { name: 'Renamed' } })
    for (const [index, socket] of sockets.entries()) {
      const expected = index === 0 ? ['By HTTP'] : ['By HTTP', 'By WebSocket']
      await socket.until(() => socket.events('message.created').length === expected.length)
      expect((await heard(socket)).sort()).toEqual(expected)
    }
    for (const socket of sockets.slice(2)) {
      const { data } = await socket.until(({ event }) => event === 'conversation.updated')
      expect(data).toMatchObject({ conversation: { id: group.id, name: 'Renamed' } })
    }
    await Promise.all(sockets.map(socket => socket.close()))
  })

  test('no token, secret or text of a user stands in a log', async () => {
    const marker = `marker${randomUUID().replaceAll('-', '')}`
    const [alice, bob, eve] = await newUsers()
    const group = await createGroup(alice, [bob], marker)
    const alices = await openSocket(alice.token)
    const message = { id: v7(), content: marker, metadata: { [marker]: marker } }
    await alices.ask('message.send', { conversationId: group.id, ...message })
    await alices.ask('message.send', { conversationId: group.id, ...message })
    await post(bob, group, message)
    await post(eve, group, { content: marker })
    await post(alice, group, { content: marker, [marker]: marker })
    await alices.ask(marker, { content: marker })
    alices.send(`{"${marker}`)
    await request(`GET /conversations?search=${marker}`, { token: alice.token })
    const refused = await badTokens(eve.id)
    for (const { token } of refused) {
      await request('GET /conversations', { token })
      await openSocket(token).catch(() => {})
    }
    await alices.ask('ping')
    await alices.close()

    const { directory, outputs } = testStack()
    const files = await readdir(directory.logs)
    const logs = (await Promise.all(files.map(file => readFile(join(directory.logs, file), 'utf8')))).join('\n')
    expect(logs).toContain('The database has the newest schema')
    const parts = [alice.token, bob.token, eve.token, ...refused.map(({ token }) => token)].flatMap(token =>
      token.split('.'),
    )
    const claims = [alice, bob, eve].map(({ id }) => `K-${id.slice(0, 8)}`)
    const secrets = [marker, testSecret, decodeURIComponent(new URL(outputs.DatabaseUrl).password), ...claims]
    // What is shorter is a header, which many tokens have alike.
    for (const text of [...parts.filter(part => part.length > 20), ...secrets]) {
      expect([text, logs.includes(text)]).toEqual([text, false])
    }
  })

  test('npm start names a program that exists, and it builds all that it runs', async () => {
    const { scripts } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'))
    const named = Object.values<string>(scripts).flatMap(script => script.match(/\S+\.(ts|mjs|js)\b/g) ?? [])
    expect(named).toContain(await startProgram().then(program => program.slice(repository.length + 1)))
    await Promise.all(named.map(file => access(join(repository, file))))
    // The stack of this run began with an empty directory.
    const { directory } = testStack()
    const bundles = Object.keys(topology.functions).map(name => join(directory.functions, name, 'index.mjs'))
    await Promise.all(bundles.map(file => access(file)))
  })
})
