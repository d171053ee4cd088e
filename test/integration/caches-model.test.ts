import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Conversation, ConversationPage, Participant } from '../../shared/conversations/conversations.schema.ts'
import { listOwnConversations } from '../../shared/conversations/conversations.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import { readHistory } from '../../shared/messages/messages.ts'
import { keys } from '../../shared/redis/keys.ts'
import { openWorld, type Socket, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld({}, { caches: { lists: true, pages: true } })
})
afterAll(() => world.close())

interface Client {
  readonly userId: string
  readonly socket: Socket
  /** What it was answered when it wrote. */
  readonly own: { sent: Message[]; deleted: Set<string>; read: Map<string, number>; named: Map<string, number> }
}

/** One user comes into a group and leaves it again, as its admin decides, one after the other. */
interface Moves {
  readonly userId: string
  /** How many moves have begun; the first one brings the user in. */
  begun: number
  /** Where what they see begins, by the number of the move that brought them in. */
  readonly joinedSeq: Map<number, number>
}

const highest = (numbers: readonly number[]): number => Math.max(0, ...numbers)
const connect = async (userId: string): Promise<Client> => ({
  userId,
  socket: await world.connect(userId, { replay: 'none' }),
  own: { sent: [], deleted: new Set(), read: new Map(), named: new Map() },
})
const numberIn = (name: string): number => Number(/^Name (\d+)$/.exec(name)?.[1] ?? 0)

/** What a client knows of a conversation by now: from events that it received, and from what it was answered itself. */
const knowledgeOf = ({ userId, socket, own }: Client, id: string, moves: Moves) => {
  const told = <Data>(event: string): Data[] =>
    socket.events(event).filter(data => {
      const { conversationId, message, conversation } = data as Record<string, { conversationId: string; id: string }>
      return (conversationId ?? message?.conversationId ?? conversation?.id) === id
    }) as Data[]
  const sent = own.sent.filter(({ conversationId }) => conversationId === id)
  const messages = [...told<{ message: Message }>('message.created').map(({ message }) => message), ...sent]
  const positions = (event: string) => told<{ userId: string; seq: number }>(event)
  const renamed = told<{ conversation: Conversation }>('conversation.updated')
  const came = told<{ participant: Participant }>('participant.added').map(({ participant }) => participant.userId)
  const went = told<{ userId: string }>('participant.removed').map(each => each.userId)
  return {
    id,
    messages,
    seq: highest(messages.map(({ seq }) => seq)),
    deleted: new Set([
      ...told<{ messageId: string }>('message.deleted').map(({ messageId }) => messageId),
      ...own.deleted,
    ]),
    read: [...positions('message.read'), { userId, seq: own.read.get(id) ?? 0 }],
    delivered: positions('message.delivered'),
    name: highest([...renamed.map(({ conversation }) => numberIn(conversation.name)), own.named.get(id) ?? 0]),
    moves: [...came, ...went].filter(each => each === moves.userId).length,
  }
}
type Knowledge = ReturnType<typeof knowledgeOf>

/** Whether the user can be in, or out, after the known moves and any that began until now. */
const canBe = (isIn: boolean, known: number, moves: Moves): boolean => moves.begun > known || (known % 2 === 1) === isIn

const expectConversation = (shown: Conversation, known: Knowledge, { userId }: Client, moves: Moves): void => {
  expect(shown.lastSeq).toBeGreaterThanOrEqual(known.seq)
  expect(numberIn(shown.name)).toBeGreaterThanOrEqual(known.name)
  for (const [event, position] of [
    ['read', 'lastReadSeq'],
    ['delivered', 'lastDeliveredSeq'],
  ] as const) {
    for (const each of known[event]) {
      const participant = shown.participants.find(({ userId }) => userId === each.userId)
      if (participant) expect(participant[position]).toBeGreaterThanOrEqual(each.seq)
    }
  }
  const { lastMessage } = shown
  if (userId !== moves.userId) expect(lastMessage?.seq ?? 0).toBeGreaterThanOrEqual(known.seq)
  if (lastMessage && known.deleted.has(lastMessage.id)) expect(lastMessage.deletedAt).not.toBeNull()
}

/** A read of the list: nothing of what was known before is missing in it. */
const list = async (client: Client, ids: { group: string; direct: string }, moves: Moves): Promise<void> => {
  const known = [ids.group, ids.direct].map(id => knowledgeOf(client, id, moves))
  const { body } = await world.http<ConversationPage>(client.userId, 'GET /conversations')
  for (const each of known) {
    const shown = body.items.find(({ id }) => id === each.id)
    if (shown) expectConversation(shown, each, client, moves)
    if (each.id !== ids.group) continue
    const isIn = shown?.participants.some(({ userId }) => userId === moves.userId) ?? false
    expect(canBe(isIn, each.moves, moves)).toBe(true)
  }
}

/** The same of the newest page. Who comes and goes sees nothing from before their coming. */
const page = async (client: Client, id: string, moves: Moves): Promise<void> => {
  const known = knowledgeOf(client, id, moves)
  const path = `GET /conversations/${id}/messages?limit=100`
  const { status, body } = await world.http<MessagePage>(client.userId, path)
  if (status === 404) return
  for (const { id, deletedAt } of body.items) if (known.deleted.has(id)) expect(deletedAt).not.toBeNull()
  if (client.userId !== moves.userId) {
    for (const message of known.messages) expect(body.items.map(({ id }) => id)).toContain(message.id)
    return
  }
  const earliest = known.moves % 2 === 1 ? known.moves : known.moves + 1
  for (const { seq } of body.items) expect(seq).toBeGreaterThan(moves.joinedSeq.get(earliest) ?? 0)
}

const send = async ({ userId, socket, own }: Client, conversationId: string, overHttp: boolean): Promise<void> => {
  const content = 'Hello'
  const message = overHttp
    ? (await world.http<Message>(userId, `POST /conversations/${conversationId}/messages`, { body: { content } })).body
    : ((await socket.send({ action: 'message.send', requestId: '1', data: { conversationId, content } }))
        .data as Message)
  if (!message?.seq) return
  own.sent.push({ ...message, conversationId })
  own.read.set(conversationId, message.seq)
}

const remove = async ({ userId, socket, own }: Client, overHttp: boolean): Promise<void> => {
  const message = own.sent.findLast(({ id }) => !own.deleted.has(id))
  if (!message) return
  const { conversationId, id: messageId } = message
  if (overHttp) {
    const { status } = await world.http(userId, `DELETE /conversations/${conversationId}/messages/${messageId}`)
    if (status === 204) own.deleted.add(messageId)
  } else {
    const data = { conversationId, messageId }
    const { event } = await socket.send({ action: 'message.delete', requestId: '1', data })
    if (event === 'ack') own.deleted.add(messageId)
  }
}

const read = async (client: Client, id: string, overHttp: boolean, moves: Moves): Promise<void> => {
  const { userId, socket, own } = client
  const { seq } = knowledgeOf(client, id, moves)
  const succeeded = overHttp
    ? (await world.http(userId, `PUT /conversations/${id}/read`, { body: { seq } })).status === 200
    : (await socket.send({ action: 'message.read', requestId: '1', data: { conversationId: id, seq } })).event === 'ack'
  if (succeeded) own.read.set(id, Math.max(seq, own.read.get(id) ?? 0))
}

const move = async (admin: Client, id: string, moves: Moves): Promise<void> => {
  moves.begun += 1
  const { begun, userId } = moves
  const path = `/conversations/${id}/participants`
  if (begun % 2 === 0) {
    await world.http(admin.userId, `DELETE ${path}/${userId}`)
    return
  }
  const { body } = await world.http<Participant>(admin.userId, `POST ${path}`, { body: { userId } })
  moves.joinedSeq.set(begun, body.lastReadSeq)
}

const rename = async ({ userId, own }: Client, id: string): Promise<void> => {
  const number = (own.named.get(id) ?? 0) + 1
  await world.http(userId, `PATCH /conversations/${id}`, { body: { name: `Name ${number}` } })
  own.named.set(id, number)
}

/** The caches lose what they have, or have something else. */
const lose = async (userIds: readonly string[]): Promise<void> => {
  for (const userId of userIds) {
    const fields = await world.redis.hkeys(keys.list(userId))
    for (const field of fields) await world.redis.hset(keys.list(userId), field, '{"version":')
  }
}

const Command = fc.record({
  kind: fc.constantFrom(
    ...(['send', 'send', 'remove', 'read', 'acknowledge', 'move', 'rename', 'mute', 'lose'] as const),
    ...(['list', 'list', 'list', 'page', 'page'] as const),
  ),
  inGroup: fc.boolean(),
  overHttp: fc.boolean(),
})
type Command = typeof Command extends fc.Arbitrary<infer Value> ? Value : never

test('no read is older than what its reader knows, and at rest the caches hold what Postgres does', async () => {
  const scripts = fc.array(Command, { minLength: 8, maxLength: 16 })
  await fc.assert(
    fc.asyncProperty(fc.tuple(scripts, scripts, scripts, scripts), async all => {
      const clients = await Promise.all(all.map(() => connect(world.newUser())))
      const [admin, bob, , mover] = clients as [Client, Client, Client, Client]
      const userIds = clients.map(({ userId }) => userId)
      const moves: Moves = { userId: mover.userId, begun: 0, joinedSeq: new Map() }
      const participantIds = userIds.slice(1, 3)
      const group = { participantIds, name: 'Name 0' }
      const ids = {
        group: (await world.http<Conversation>(admin.userId, 'POST /conversations/group', { body: group })).body.id,
        direct: (
          await world.http<Conversation>(admin.userId, 'POST /conversations/direct', {
            body: { targetUserId: bob.userId },
          })
        ).body.id,
      }

      const run = async (client: Client, { kind, inGroup, overHttp }: Command): Promise<void> => {
        const id = inGroup ? ids.group : ids.direct
        if (kind === 'list') await list(client, ids, moves)
        if (kind === 'page') await page(client, id, moves)
        if (kind === 'send') await send(client, id, overHttp)
        if (kind === 'remove') await remove(client, overHttp)
        if (kind === 'read') await read(client, id, overHttp, moves)
        if (kind === 'lose') await lose(userIds)
        if (kind === 'move' && client === admin) await move(admin, ids.group, moves)
        if (kind === 'rename' && client === admin) await rename(admin, ids.group)
        if (kind === 'mute') {
          await world.http(client.userId, `PUT /conversations/${id}/mute`, { body: { isMuted: overHttp } })
        }
        if (kind === 'acknowledge') {
          const data = { conversationId: id, seq: knowledgeOf(client, id, moves).seq }
          await client.socket.send({ action: 'message.delivered', requestId: '1', data })
        }
      }
      await Promise.all(
        clients.map(async (client, index) => {
          for (const command of all[index] ?? []) await run(client, command)
        }),
      )

      for (const { userId } of clients) {
        const anew = await listOwnConversations({ ...world.deps, listCache: null }, userId, { limit: 20 })
        for (let times = 0; times < 2; times += 1) {
          expect((await world.http(userId, 'GET /conversations')).body).toEqual(anew)
        }
        for (const { id } of anew.items) {
          const reading = { caller: { id: userId }, conversationId: id, limit: 50 }
          const history = await readHistory({ ...world.deps, pageCache: null }, reading)
          for (let times = 0; times < 2; times += 1) {
            expect((await world.http(userId, `GET /conversations/${id}/messages`)).body).toEqual(history)
          }
        }
      }
    }),
    { numRuns: 25 },
  )
}, 120_000)
