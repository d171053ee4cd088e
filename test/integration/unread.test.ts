import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { Message } from '../../shared/messages/messages.schema.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

type Step =
  | { do: 'send' | 'leave' | 'join' | 'readAll'; user: number }
  | { do: 'read'; user: number; seq: number }
  | { do: 'delete'; message: number }

const users = 3
const someone = fc.integer({ min: 0, max: users - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), user: someone }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('read' as const), user: someone, seq: fc.integer({ min: 0, max: 30 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), message: fc.nat({ max: 29 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('readAll' as const), user: someone }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), user: someone }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), user: someone }) },
)

interface Sent {
  id: string
  seq: number
  sender: number
  isDeleted: boolean
}

/** What a person would count by hand: one group, its messages, and for each user where their view begins and what they read. */
class Model {
  messages: Sent[] = []
  views = new Map<number, { joinedSeq: number; readSeq: number }>()

  get lastSeq(): number {
    return this.messages.length
  }
  unread(user: number): number {
    const view = this.views.get(user)
    if (!view) return 0
    return this.messages.filter(
      ({ seq, sender, isDeleted }) => seq > view.joinedSeq && seq > view.readSeq && sender !== user && !isDeleted,
    ).length
  }
  read(user: number, seq: number): void {
    const view = this.views.get(user)
    if (view) view.readSeq = Math.max(view.readSeq, Math.min(seq, this.lastSeq))
  }
}

test('unread counts equal a count by hand, whatever was sent, read, deleted, joined and left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
      const admin = world.newUser()
      const ids = Array.from({ length: users }, () => world.newUser())
      const { body: group } = await world.http<Conversation>(admin, 'POST /conversations/group', {
        body: { participantIds: ids },
      })
      const path = `/conversations/${group.id}`
      const model = new Model()
      for (let user = 0; user < users; user += 1) model.views.set(user, { joinedSeq: 0, readSeq: 0 })

      for (const step of steps) {
        if (step.do === 'delete') {
          const message = model.messages[step.message]
          if (!message) continue
          await world.http(admin, `DELETE ${path}/messages/${message.id}`)
          message.isDeleted = true
          continue
        }
        const { user } = step
        const id = ids[user] ?? ''
        const isIn = model.views.has(user)
        if (step.do === 'send' && isIn) {
          const { body } = await world.http<Message>(id, `POST ${path}/messages`, { body: { content: 'x' } })
          model.messages.push({ id: body.id, seq: body.seq, sender: user, isDeleted: false })
          model.read(user, body.seq)
        } else if (step.do === 'read' && isIn) {
          await world.http(id, `PUT ${path}/read`, { body: { seq: step.seq } })
          model.read(user, step.seq)
        } else if (step.do === 'readAll' && isIn) {
          await world.http(id, 'PUT /notifications/mark-all-read')
          model.read(user, model.lastSeq)
        } else if (step.do === 'leave' && isIn) {
          await world.http(id, `DELETE ${path}/participants/${id}`)
          model.views.delete(user)
        } else if (step.do === 'join' && !isIn) {
          await world.http(admin, `POST ${path}/participants`, { body: { userId: id } })
          model.views.set(user, { joinedSeq: model.lastSeq, readSeq: model.lastSeq })
        }
      }

      for (let user = 0; user < users; user += 1) {
        const expected = model.unread(user)
        const { body } = await world.http<{ total: number; conversations: Record<string, number> }>(
          ids[user] ?? '',
          'GET /notifications/unread-counts',
        )
        expect(body).toEqual({ total: expected, conversations: expected ? { [group.id]: expected } : {} })
        if (!model.views.has(user)) continue
        const { body: seen } = await world.http<Conversation>(ids[user] ?? '', `GET ${path}`)
        expect(seen.unreadCount).toBe(expected)
      }
    }),
    { numRuns: 25 },
  )
}, 60_000)

test('a conversation with more than 1,000 unread messages says 1,000, and that there are more', async () => {
  const [alice, bob] = [world.newUser(), world.newUser()]
  const { body } = await world.http<Conversation>(alice, 'POST /conversations/direct', { body: { targetUserId: bob } })
  await world.storeMessages(alice, body.id, 1_002)
  const seen = await world.http<Conversation>(bob, `GET /conversations/${body.id}`)
  expect(seen.body).toMatchObject({ unreadCount: 1_000, unreadCapped: true })
  await world.http(bob, `PUT /conversations/${body.id}/read`, { body: { seq: 2 } })
  const exact = await world.http<Conversation>(bob, `GET /conversations/${body.id}`)
  expect(exact.body.unreadCount).toBe(1_000)
  expect(exact.body.unreadCapped).toBeUndefined()
})
