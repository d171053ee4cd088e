import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { v7 } from 'uuid'
import type { Conversation, ConversationPage } from '../../shared/conversations/conversations.schema.ts'
import { insertMessage } from '../../shared/messages/messages.repository.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import type { Changes } from '../../shared/sync/changes.schema.ts'
import { changesSince, type PageSize } from '../../shared/sync/changes.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

interface Known {
  conversation: Conversation
  messages: Map<string, Message>
  /** Read positions as `reads` told them, after what the conversation said first. */
  positions: Map<string, { joinedAt: string; seq: number }>
}

/** A client that knows only what `GET /sync` has told it, and that nothing may be told twice. */
class Client {
  readonly userId: string
  readonly known = new Map<string, Known>()
  readonly deleted = new Set<string>()
  private readonly told = new Set<string>()
  private readonly size: PageSize | undefined
  private token = ''

  constructor(userId: string, size: PageSize | undefined) {
    this.userId = userId
    this.size = size
  }

  async start(): Promise<void> {
    this.token = (await changesSince(world.deps, { id: this.userId })).next
  }

  /** One page; true when there are more. */
  async step(): Promise<boolean> {
    const changes = await changesSince(world.deps, { id: this.userId }, this.token, this.size)
    this.apply(changes)
    this.token = changes.next
    return changes.hasMore
  }

  async isUpToDate(): Promise<boolean> {
    const { next: _, hasMore, ...lists } = await changesSince(world.deps, { id: this.userId }, this.token, this.size)
    return !hasMore && Object.values(lists).every(list => list.length === 0)
  }

  private once(change: string): void {
    if (this.told.has(change)) throw new Error(`${this.userId} was told twice: ${change}`)
    this.told.add(change)
  }

  private of(conversationId: string): Known {
    const known = this.known.get(conversationId)
    if (!known) throw new Error(`${this.userId} was told of something in ${conversationId}, but not of that itself`)
    return known
  }

  private apply({ left, conversations, messages, deletions, reads }: Changes): void {
    for (const id of left) this.known.delete(id)
    for (const conversation of conversations) {
      const before = this.known.get(conversation.id)
      const positions = new Map(
        conversation.participants.map(({ userId, joinedAt, lastReadSeq }) => {
          const position = before?.positions.get(userId)
          return [userId, position?.joinedAt === joinedAt ? position : { joinedAt, seq: lastReadSeq }]
        }),
      )
      this.known.set(conversation.id, { conversation, messages: before?.messages ?? new Map(), positions })
    }
    for (const message of messages) {
      this.once(`message ${message.id}`)
      expect(message.deletedAt).toBeNull()
      this.of(message.conversationId).messages.set(message.id, message)
    }
    for (const { conversationId, messageId } of deletions) {
      this.once(`deletion ${messageId}`)
      this.deleted.add(messageId)
      this.of(conversationId).messages.delete(messageId)
    }
    for (const { conversationId, userId, lastReadSeq } of reads) {
      this.once(`read ${conversationId} ${userId} ${lastReadSeq}`)
      const position = this.known.get(conversationId)?.positions.get(userId)
      if (position) position.seq = lastReadSeq
    }
  }
}

const byId = <Item extends { id: string }>(items: readonly Item[]): Item[] =>
  [...items].sort((a, b) => (a.id < b.id ? -1 : 1))

const conversationsOf = async (userId: string): Promise<Conversation[]> => {
  const { body } = await world.http<ConversationPage>(userId, 'GET /conversations?limit=100')
  expect(body.nextCursor).toBeNull()
  return body.items
}

const historyOf = async (userId: string, id: string): Promise<Message[]> => {
  const items: Message[] = []
  for (;;) {
    const after = items.at(-1)?.seq ?? 0
    const path = `GET /conversations/${id}/messages?limit=100&after=${after}`
    const { body } = await world.http<MessagePage>(userId, path)
    items.push(...body.items)
    if (!body.hasMore) return items
  }
}

/** What the client holds is what the other routes show. */
const expectEqualToRoutes = async ({ userId, known, deleted }: Client): Promise<void> => {
  const conversations = await conversationsOf(userId)
  expect(byId([...known.values()].map(({ conversation }) => conversation))).toEqual(byId(conversations))
  for (const { id, participants } of conversations) {
    const { messages, positions } = known.get(id) as Known
    const told = Object.fromEntries([...positions].map(([reader, { seq }]) => [reader, seq]))
    expect(told).toEqual(Object.fromEntries(participants.map(({ userId, lastReadSeq }) => [userId, lastReadSeq])))
    const history = await historyOf(userId, id)
    const withoutStatus = ({ status: _, ...message }: Message) => message
    expect(byId([...messages.values()]).map(withoutStatus)).toEqual(
      byId(history.filter(({ deletedAt }) => deletedAt === null)).map(withoutStatus),
    )
    for (const { id: gone } of history.filter(({ deletedAt }) => deletedAt !== null)) expect(deleted).toContain(gone)
  }
}

const kinds = {
  send: 8,
  delete: 4,
  read: 3,
  add: 4,
  expel: 2,
  leave: 1,
  direct: 1,
  group: 2,
  rename: 1,
  promote: 1,
  demote: 1,
  /** A send whose transaction stays open for a while, and may be rolled back. */
  hold: 4,
} as const

interface Action {
  kind: keyof typeof kinds
  /** Which of those that there are by then. */
  conversation: number
  other: number
  milliseconds: number
  isKept: boolean
}

const users = 4
const actions = fc.array(
  fc.record<Action>({
    kind: fc.constantFrom(...Object.entries(kinds).flatMap(([kind, weight]) => Array(weight).fill(kind))),
    conversation: fc.nat(),
    other: fc.nat(),
    milliseconds: fc.integer({ min: 0, max: 60 }),
    isKept: fc.boolean(),
  }),
  { minLength: 30, maxLength: 60, size: 'max' },
)

/** One user's actions, one after the other. Many of them are refused, since others change the same conversations. */
const perform = async (
  userIds: readonly string[],
  userId: string,
  conversationIds: string[],
  actions: readonly Action[],
): Promise<void> => {
  for (const action of actions) {
    const other = userIds[action.other % userIds.length] ?? ''
    const id = conversationIds[action.conversation % Math.max(conversationIds.length, 1)] ?? v7()
    const path = `/conversations/${id}`
    const participant = `${path}/participants/${action.kind === 'leave' ? userId : other}`
    const ask = (request: string, body?: object) => world.http<Conversation>(userId, request, body && { body })
    switch (action.kind) {
      case 'direct':
      case 'group': {
        const { status, body } =
          action.kind === 'direct'
            ? await ask('POST /conversations/direct', { targetUserId: other })
            : await ask('POST /conversations/group', { participantIds: [other] })
        if (status === 201) conversationIds.push(body.id)
        break
      }
      case 'send':
        await ask(`POST ${path}/messages`, { content: `${action.other}` })
        break
      case 'delete': {
        const { body } = await world.http<MessagePage>(userId, `GET ${path}/messages?limit=100`)
        const message = body.items?.at(action.other % Math.max(body.items.length, 1))
        if (message) await ask(`DELETE ${path}/messages/${message.id}`)
        break
      }
      case 'read':
        await ask(`PUT ${path}/read`, { seq: action.other % 20 })
        break
      case 'rename':
        await ask(`PATCH ${path}`, { name: `Name ${action.other}` })
        break
      case 'add':
        await ask(`POST ${path}/participants`, { userId: other })
        break
      case 'expel':
      case 'leave':
        await ask(`DELETE ${participant}`)
        break
      case 'promote':
      case 'demote':
        await ask(`PUT ${participant}/role`, { role: action.kind === 'promote' ? 'admin' : 'member' })
        break
      case 'hold': {
        const key = await world.deps.contentKeys.active(world.db)
        await world.db
          .transaction()
          .execute(async trx => {
            const message = { id: v7(), conversationId: id, senderId: userId, type: 'text', content: 'Held' } as const
            await insertMessage(trx, key, { ...message, metadata: null }, new Date())
            await delay(action.milliseconds)
            if (!action.isKept) throw new Error('Rolled back')
          })
          .catch(() => {})
      }
    }
  }
}

test('a client that only ever asks GET /sync holds what the other routes show, and is told nothing twice', async () => {
  const sizes: (PageSize | undefined)[] = [
    undefined,
    { conversations: 1, messages: 1, messageBytes: 1_000_000 },
    { conversations: 2, messages: 7, messageBytes: 1_000_000 },
    { conversations: 3, messages: 4, messageBytes: 2_000 },
  ]
  const scripts = fc.array(actions, { minLength: users, maxLength: users })
  const property = fc.asyncProperty(scripts, async scripts => {
    const userIds = scripts.map(() => world.newUser())
    const clients = userIds.flatMap((userId, n) => [0, 1 + (n % 3)].map(size => new Client(userId, sizes[size])))
    await Promise.all(clients.map(client => client.start()))
    const conversationIds: string[] = []
    let isWriting = true
    const writers = userIds.map((userId, n) => perform(userIds, userId, conversationIds, scripts[n] ?? []))
    const readers = clients.map(async client => {
      for (let hasMore = true; isWriting || hasMore; ) {
        hasMore = await client.step()
        if (!hasMore) await delay(Math.random() * 20)
      }
    })
    await Promise.all([
      Promise.all(writers).finally(() => {
        isWriting = false
      }),
      ...readers,
    ])
    for (const client of clients) {
      while (await client.step());
      expect(await client.isUpToDate()).toBe(true)
      await expectEqualToRoutes(client)
    }
  })
  await fc.assert(property, { numRuns: 5, endOnFailure: true })
}, 120_000)
