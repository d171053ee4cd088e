import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from '@jest/globals'
import { type Chat, type ChatEvents, createChat } from '../../shared/client/client.ts'
import { until } from '../local/stores/until.ts'
import { foreignProject } from '../support/client-package.ts'
import { node22, noNode22 } from '../support/node-22.ts'
import { examplesOf } from '../support/page-examples.ts'
import { testStack } from '../support/stack.ts'
import { tokenFor } from '../support/tokens.ts'

interface Heard {
  chat: Chat
  heard<Name extends keyof ChatEvents>(name: Name): ChatEvents[Name][]
}

const open: Chat[] = []
afterEach(() => {
  for (const chat of open.splice(0)) chat.close()
})

/** A client of Node's own WebSocket and fetch that is online. */
const online = async (userId: string = randomUUID(), claims: Record<string, unknown> = {}): Promise<Heard> => {
  const { HttpApiUrl: httpUrl, WebSocketUrl: webSocketUrl } = testStack().outputs
  const chat = createChat({ httpUrl, webSocketUrl, userId, token: () => tokenFor(userId, claims) })
  const events = new Map<keyof ChatEvents, unknown[]>()
  const names = ['message', 'outgoing', 'deletion', 'conversation', 'left', 'typing', 'presence', 'problem'] as const
  for (const name of names) {
    events.set(name, [])
    chat.on(name, event => void events.get(name)?.push(event))
  }
  open.push(chat)
  await chat.connect()
  return { chat, heard: name => (events.get(name) ?? []) as never }
}

describe('two clients of the library', () => {
  test('see each other come, type, write, get, read and delete', async () => {
    const alice = await online()
    const bob = await online()
    const conversation = await alice.chat.openDirect(bob.chat.userId)
    const { id } = conversation
    await until('Bob has the conversation', () => bob.chat.known.some(known => known.id === id))
    expect(await alice.chat.presence([bob.chat.userId])).toMatchObject([{ status: 'online' }])

    alice.chat.typing(id)
    await until('Bob sees Alice type', () => bob.heard('typing').at(-1)?.userIds[0] === alice.chat.userId)
    const outgoing = alice.chat.send(id, { content: 'Namaste', metadata: { mood: 'good' } })
    await until('Bob has it', () => bob.heard('message').length === 1)
    const [message] = bob.heard('message')
    expect(message).toMatchObject({ id: outgoing.id, seq: 1, content: 'Namaste', metadata: { mood: 'good' } })
    expect(bob.heard('typing').at(-1)?.userIds).toEqual([])
    expect(bob.chat.known[0]?.unreadCount).toBe(1)
    await until(
      'Alice sees that it was delivered',
      () => alice.chat.statusOf({ conversationId: id, seq: 1 }) === 'delivered',
    )
    bob.chat.markRead(id)
    await until('Alice sees that it was read', () => alice.chat.statusOf({ conversationId: id, seq: 1 }) === 'read')
    expect(bob.chat.known[0]?.unreadCount).toBe(0)
    expect(alice.heard('message')).toHaveLength(1)

    await alice.chat.delete({ conversationId: id, id: outgoing.id })
    await until('Bob sees that it is gone', () => bob.heard('deletion').length === 1)
    expect(await bob.chat.history(id)).toMatchObject({ items: [{ content: null }], hasMore: false })
    bob.chat.close()
    await until('Alice sees Bob go', () => alice.heard('presence').at(-1)?.status === 'offline', 30_000)
    expect([...alice.heard('problem'), ...bob.heard('problem')]).toEqual([])
  }, 60_000)

  test('see each message of a conversation in which both write at once in the same order', async () => {
    const [alice, bob] = [await online(), await online()]
    const { id } = await alice.chat.openDirect(bob.chat.userId)
    const each = 100
    for (let number = 0; number < each; number += 1) {
      alice.chat.send(id, `Alice ${number}`)
      bob.chat.send(id, `Bob ${number}`)
    }
    await until('both have all', () => [alice, bob].every(({ heard }) => heard('message').length === 2 * each), 30_000)
    const seen = ({ heard }: Heard) => heard('message').map(({ seq, content }) => [seq, content])
    expect(seen(alice)).toEqual(seen(bob))
    expect(seen(alice).map(([seq]) => seq)).toEqual(Array.from({ length: 2 * each }, (_, index) => index + 1))
    for (const name of ['Alice', 'Bob']) {
      const own = seen(bob).flatMap(([, content]) => (String(content).startsWith(name) ? [content] : []))
      expect(own).toEqual(Array.from({ length: each }, (_, number) => `${name} ${number}`))
    }
  }, 60_000)

  test('of the same user are told of what the other one does', async () => {
    const first = await online()
    const second = await online(first.chat.userId)
    const bob = await online()
    const { id } = await first.chat.openDirect(bob.chat.userId)
    first.chat.send(id, 'from the first')
    await until('the second has it', () => second.heard('message').length === 1)
    bob.chat.send(id, 'answer')
    await until('both have the answer', () => [first, second].every(({ heard }) => heard('message').length === 2))
    expect(second.chat.known[0]?.unreadCount).toBe(1)
    first.chat.markRead(id)
    await until('it is read on the second, too', () => second.chat.known[0]?.unreadCount === 0)
  })

  test('join a group, see who does, and are told when they are out of it', async () => {
    const [alice, bob, carol] = [await online(), await online(), await online()]
    const group = await alice.chat.createGroup({ participantIds: [bob.chat.userId], name: 'Trek' })
    alice.chat.send(group.id, 'before Carol')
    await until('Bob has it', () => bob.heard('message').length === 1)
    const params = { id: group.id }
    await alice.chat.request('POST /conversations/{id}/participants', { params, body: { userId: carol.chat.userId } })
    await until('Carol is in', () => carol.chat.known.some(({ id }) => id === group.id))
    await until('Bob sees her', () => bob.chat.known[0]?.participants.length === 3)
    bob.chat.send(group.id, 'welcome')
    await until('Carol is welcome', () => carol.heard('message').length === 1)
    expect(carol.heard('message')).toMatchObject([{ seq: 2, content: 'welcome' }])
    await alice.chat.request('DELETE /conversations/{id}/participants/{userId}', {
      params: { ...params, userId: bob.chat.userId },
    })
    await until('Bob is out', () => bob.heard('left').length === 1)
    expect(bob.chat.known).toEqual([])
  })

  test('of a business and its customer are told of each other, without the business being in the chat', async () => {
    const businessId = randomUUID()
    const [manager, customer] = [await online(randomUUID(), { businessId }), await online()]
    const chat = await customer.chat.openBusiness({ businessId, initialMessage: { content: 'Is a table free?' } })
    expect(chat.assignment).toMatchObject({ status: 'queued' })
    await until('the manager sees the chat', () => manager.chat.known.some(({ id }) => id === chat.id))
    await until('and the question', () =>
      manager.heard('message').some(({ content }) => content === 'Is a table free?'),
    )
    manager.chat.send(chat.id, 'At eight')
    await until('the customer has the answer', () =>
      customer.heard('message').some(({ content }) => content === 'At eight'),
    )
    expect(manager.heard('problem')).toEqual([])
  })
})

describe('the examples of the client', () => {
  const runIn = async (program: string): Promise<void> => {
    const examples = await examplesOf('shared/client/README.md')
    const [example = '', withOutbox = ''] = examples.map(({ code }) => code)
    const project = await foreignProject()
    const [userId, bob] = [randomUUID(), randomUUID()]
    const { HttpApiUrl } = testStack().outputs
    const given = { httpUrl: HttpApiUrl, userId, bob, token: await tokenFor(userId) }
    const declarations = Object.entries(given).map(([name, value]) => `const ${name}Given = ${JSON.stringify(value)}`)
    const prelude = `${declarations.join('\n')}
      const [httpUrl, userId, bob] = [httpUrlGiven, userIdGiven, bobGiven]
      const token = () => tokenGiven
      const fetchToken = token\n`
    const untilSeen = "\nchat.on('message', () => setTimeout(() => chat.close()))"
    try {
      expect(await project.run(prelude + example + untilSeen, program)).toBe('1 me: Namaste, Bob!\n')
      const storage = `const kept = new Map([['outbox', null]])
        const localStorage = { getItem: name => kept.get(name), setItem: (name, text) => kept.set(name, text) }`
      const code = `import { createChat } from 'kaha-chat-client'\n${prelude}${storage}\n${withOutbox}
        chat.send(bob, 'kept')
        await chat.connect()
        chat.close()
        console.log(JSON.parse(kept.get('outbox'))[0].content)`
      expect(await project.run(code, program)).toBe('kept\n')
    } finally {
      await project.remove()
    }
  }

  test('run as they are, with the package in Node 24', () => runIn(process.execPath), 60_000)

  const reason = noNode22()
  const inNode22 = reason === undefined ? test : test.skip
  const suffix = reason === undefined ? '' : ` (skipped: ${reason})`
  inNode22(`run as they are, with the package in Node 22${suffix}`, async () => runIn(await node22()), 120_000)
})
