import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Conversation, ConversationPage, Mute } from '../../shared/conversations/conversations.schema.ts'
import type { Changes } from '../../shared/sync/changes.schema.ts'
import { newBusiness } from '../support/business.ts'
import { standStill } from '../support/still-clock.ts'
import { openWorld, type Socket, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
  standStill(world.clock)
})
afterAll(() => world.close())

const hour = 3_600_000
const inHours = (count: number) => new Date(world.clock.now().getTime() + count * hour).toISOString()
const muted = (mutedUntil: string | null): Mute => ({ isMuted: true, mutedUntil })
const unmuted: Mute = { isMuted: false, mutedUntil: null }

const mute = (userId: string, id: string, body: object) =>
  world.http<Mute>(userId, `PUT /conversations/${id}/mute`, { body })
const shownTo = async (userId: string, id: string) =>
  (await world.http<Conversation>(userId, `GET /conversations/${id}`)).body
const updates = (socket: Socket) => socket.events('conversation.updated').map(data => data.conversation as Conversation)

const direct = async () => {
  const [alice, bob] = [world.newUser(), world.newUser()]
  const { body } = await world.http<Conversation>(alice, 'POST /conversations/direct', { body: { targetUserId: bob } })
  return { alice, bob, id: body.id }
}

describe('a mute', () => {
  test('without an end lasts until it is taken back, and is shown wherever the conversation is', async () => {
    const { alice, bob, id } = await direct()
    expect(await shownTo(alice, id)).toMatchObject(unmuted)
    expect(await mute(alice, id, { isMuted: true })).toMatchObject({ status: 200, body: muted(null) })
    world.clock.advance(30 * 24 * hour)
    expect(await shownTo(alice, id)).toMatchObject(muted(null))
    const { body } = await world.http<ConversationPage>(alice, 'GET /conversations')
    expect(body.items).toMatchObject([{ id, ...muted(null) }])
    expect(await shownTo(bob, id)).toMatchObject(unmuted)
    expect((await mute(alice, id, { isMuted: false })).body).toEqual(unmuted)
    expect(await shownTo(alice, id)).toMatchObject(unmuted)
  })

  test('with an end counts until just before that, and leaves nothing behind', async () => {
    const { alice, id } = await direct()
    const until = inHours(8)
    expect((await mute(alice, id, { isMuted: true, until })).body).toEqual(muted(until))
    world.clock.advance(8 * hour - 1)
    expect(await shownTo(alice, id)).toMatchObject(muted(until))
    world.clock.advance(1)
    expect(await shownTo(alice, id)).toMatchObject(unmuted)
  })

  test('is replaced by the next: another end, none, or no mute at all', async () => {
    const { alice, id } = await direct()
    await mute(alice, id, { isMuted: true, until: inHours(1) })
    for (const until of [inHours(2), null]) {
      expect((await mute(alice, id, { isMuted: true, until })).body).toEqual(muted(until))
      expect(await shownTo(alice, id)).toMatchObject(muted(until))
    }
    await mute(alice, id, { isMuted: false })
    await mute(alice, id, { isMuted: true })
    expect(await shownTo(alice, id)).toMatchObject(muted(null))
  })

  test('takes an end in any zone, to the millisecond', async () => {
    const { alice, id } = await direct()
    const body = { isMuted: true, until: '2099-01-01T05:45:00.123+05:45' }
    expect((await mute(alice, id, body)).body).toEqual(muted('2099-01-01T00:00:00.123Z'))
    expect(await shownTo(alice, id)).toMatchObject(muted('2099-01-01T00:00:00.123Z'))
  })

  test.each<[string, () => object, string]>([
    ['nothing', () => ({}), 'isMuted'],
    ['an end that is now', () => ({ isMuted: true, until: inHours(0) }), 'until'],
    ['an end that has passed', () => ({ isMuted: true, until: inHours(-1) }), 'until'],
    ['an end without a zone', () => ({ isMuted: true, until: '2099-01-01T00:00:00' }), 'until'],
    ['an end that is no day', () => ({ isMuted: true, until: '2099-02-30T00:00:00Z' }), 'until'],
    ['an end of no mute', () => ({ isMuted: false, until: inHours(1) }), 'until'],
    ['a word', () => ({ isMuted: 'yes' }), 'isMuted'],
    ['an unknown field', () => ({ isMuted: true, untill: inHours(1) }), 'untill'],
  ])('with %s changes nothing', async (_, body, path) => {
    const { alice, id } = await direct()
    await mute(alice, id, { isMuted: true, until: inHours(1) })
    const before = await shownTo(alice, id)
    expect(await mute(alice, id, body())).toMatchObject({
      status: 400,
      body: { code: 'validation_failed', errors: [{ path }] },
    })
    expect(await shownTo(alice, id)).toEqual(before)
  })

  test('is told to all devices of the one who mutes, as they see the conversation, and to nobody else', async () => {
    const { alice, bob, id } = await direct()
    const devices = [await world.connect(alice), await world.connect(alice)]
    const bobs = await world.connect(bob)
    const until = inHours(1)
    await mute(alice, id, { isMuted: true, until })
    const seen = await shownTo(alice, id)
    expect(seen).toMatchObject(muted(until))
    for (const device of devices) expect(updates(device)).toEqual([seen])
    expect(updates(bobs)).toEqual([])
  })

  test('is in the next sync of whoever mutes', async () => {
    const { alice, id } = await direct()
    const sync = async (query: string) => (await world.http<Changes>(alice, `GET /sync${query}`)).body
    const { next } = await sync('')
    await mute(alice, id, { isMuted: true })
    const changes = await sync(`?since=${next}`)
    expect(changes).toMatchObject({ conversations: [{ id, ...muted(null) }], messages: [], reads: [] })
    expect((await sync(`?since=${changes.next}`)).conversations).toEqual([])
  })

  test('ends with the part of who mutes: whoever joins again hears of everything', async () => {
    const [alice, bob] = [world.newUser(), world.newUser()]
    const body = { participantIds: [bob] }
    const { id } = (await world.http<Conversation>(alice, 'POST /conversations/group', { body })).body
    await mute(bob, id, { isMuted: true })
    await world.http(bob, `DELETE /conversations/${id}/participants/${bob}`)
    expect(await mute(bob, id, { isMuted: true })).toMatchObject({ status: 404, body: { code: 'not_found' } })
    await world.http(alice, `POST /conversations/${id}/participants`, { body: { userId: bob } })
    expect(await shownTo(bob, id)).toMatchObject(unmuted)
  })

  test('is for participants: a stranger finds no conversation, and a business that manages it is not notified anyway', async () => {
    const business = newBusiness(world)
    const { body: chat } = await business.open(world.newUser())
    expect(await mute(world.newUser(), chat.id, { isMuted: true })).toMatchObject({ status: 404 })
    const asManager = await business.manage(`PUT /conversations/${chat.id}/mute`, { isMuted: true })
    expect(asManager).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  })
})
