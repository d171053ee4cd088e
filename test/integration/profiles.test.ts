import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import { createHandler as eventHandler } from '../../functions/event/profiles.ts'
import { isInHalf, type MainServiceStandIn, startMainService } from '../../infra/local/main-service/main-service.ts'
import { avatarUrl, businessName, userName } from '../../infra/local/main-service/names.ts'
import type { Conversation, ConversationPage, Participant } from '../../shared/conversations/conversations.schema.ts'
import { until } from '../local/stores/until.ts'
import { newBusiness } from '../support/business.ts'
import { lambdaContext } from '../support/lambda.ts'
import { testServiceToken } from '../support/tokens.ts'
import { openWorld, type World } from '../support/world.ts'

const token = 'what-the-main-service-takes'
const minuteMs = 60 * 1000
const hourMs = 60 * minuteMs

let mainService: MainServiceStandIn
let world: World
beforeAll(async () => {
  mainService = await startMainService({ token })
  world = await openWorld({}, { mainService: { url: mainService.url, token } })
})
afterAll(async () => {
  await world.close()
  await mainService.stop()
})

const newUsers = (count: number) => Array.from({ length: count }, () => randomUUID())
const openDirect = async (userId: string, targetUserId: string, { http } = world) =>
  (await http<Conversation>(userId, 'POST /conversations/direct', { body: { targetUserId } })).body
const createGroup = async (userId: string, participantIds: string[], more: object = {}, { http } = world) =>
  (await http<Conversation>(userId, 'POST /conversations/group', { body: { participantIds, ...more } })).body
const get = async (userId: string, id: string, { http } = world) =>
  (await http<Conversation>(userId, `GET /conversations/${id}`)).body
const list = async (userId: string, query = '', { http } = world) =>
  (await http<ConversationPage>(userId, `GET /conversations${query}`)).body.items
const profileOf = ({ participants }: Conversation, id: string) =>
  participants.find(({ userId }) => userId === id)?.profile
const fresh = (id: string) => ({ name: userName(id), avatarUrl: avatarUrl(id), stale: false })
/** What the main service was asked for while something ran. */
const callsDuring = async (work: () => Promise<unknown>) => {
  const before = mainService.calls.length
  await work()
  return mainService.calls.slice(before)
}
const tell = (type: string, uuid: string, options: object = {}) =>
  world.http('', 'POST /internal/profile-events', { token: testServiceToken, body: { type, uuid }, ...options })

describe('names and avatars', () => {
  test('of a direct conversation are those of the other user', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const opened = await openDirect(alice, bob)
    expect(opened).toMatchObject({ name: userName(bob), avatarUrl: avatarUrl(bob) })
    expect(profileOf(opened, alice)).toEqual(fresh(alice))
    expect(await get(bob, opened.id)).toMatchObject({ name: userName(alice), avatarUrl: avatarUrl(alice) })
  })

  test('of a group are its own, or the names of the first three others in order of joining', async () => {
    const users = newUsers(5)
    const [alice = '', ...others] = users
    const named = await createGroup(alice, others, { name: 'Trip' })
    const unnamed = await createGroup(alice, others)
    expect(named).toMatchObject({ name: 'Trip', avatarUrl: null })
    for (const userId of users) {
      const { name, avatarUrl, participants } = await get(userId, unnamed.id)
      const expected = participants.filter(each => each.userId !== userId).map(each => userName(each.userId))
      expect({ name, avatarUrl }).toEqual({ name: expected.slice(0, 3).join(', '), avatarUrl: null })
      for (const each of participants) expect(each.profile).toEqual(fresh(each.userId))
    }
  })

  test('of a business conversation are those of the business, in its inbox as well', async () => {
    const business = newBusiness(world)
    const customer = world.newUser()
    const expected = { name: businessName(business.id), avatarUrl: avatarUrl(business.id) }
    const { body } = await business.open(customer, { initialMessage: { content: 'Hello' } })
    expect(body).toMatchObject(expected)
    const [item] = await business.inbox()
    expect(item).toMatchObject(expected)
    expect(item && profileOf(item, customer)).toEqual(fresh(customer))
  })

  test('come with every event that shows somebody, and with what a client synchronizes', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const { next } = (await world.http<{ next: string }>(bob, 'GET /sync')).body
    const socket = await world.connect(bob)
    const { id } = await createGroup(alice, [bob])
    const participants = `/conversations/${id}/participants`
    const added = await world.http<Participant>(alice, `POST ${participants}`, { body: { userId: carol } })
    await world.http(alice, `PUT ${participants}/${carol}/role`, { body: { role: 'admin' } })
    expect(added.body.profile).toEqual(fresh(carol))
    expect(socket.events('conversation.created')).toMatchObject([{ conversation: { name: userName(alice) } }])
    for (const event of ['participant.added', 'participant.updated']) {
      expect(socket.events(event)).toMatchObject([{ participant: { userId: carol, profile: fresh(carol) } }])
    }
    const changes = await world.http<{ conversations: Conversation[] }>(bob, `GET /sync?since=${next}`)
    expect(changes.body.conversations.map(({ name }) => name)).toEqual([`${userName(alice)}, ${userName(carol)}`])
  })

  test('are found by a search in the list, in any case, whoever of a conversation has the name', async () => {
    const [alice = '', bob = '', ...others] = newUsers(6)
    const direct = await openDirect(alice, bob)
    const group = await createGroup(alice, [bob, ...others], { name: 'Trekking' })
    await createGroup(alice, others.slice(0, 1), { name: 'Without' })
    for (const [search, expected] of [
      [userName(bob).toUpperCase(), [group.id, direct.id]],
      [userName(others[3] ?? '').toLowerCase(), [group.id]],
      ['trek', [group.id]],
      [userName(alice), []],
    ] as const) {
      expect((await list(alice, `?search=${encodeURIComponent(search)}`)).map(({ id }) => id)).toEqual(expected)
    }
  })

  test('are never in Postgres', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const business = newBusiness(world)
    await business.addAgent()
    await createGroup(alice, [bob])
    await business.open(alice, { initialMessage: { content: 'Hello' } })
    const { rows: tables } = await sql<{ name: string }>`
      select format('%I', relname) as name from pg_class
      where relkind = 'r' and relnamespace = 'public'::regnamespace`.execute(world.db)
    expect(tables.length).toBeGreaterThan(8)
    for (const { name } of tables) {
      const { rows } = await sql<{ row: string }>`
        select dumped::text as row from ${sql.raw(name)} as dumped
        where dumped::text like '%avatars.example.com%' or dumped::text like ${`%${userName(bob)}%`}
          or dumped::text like ${`%${userName(alice)}%`} or dumped::text like ${`%${businessName(business.id)}%`}
      `.execute(world.db)
      expect([name, rows]).toEqual([name, []])
    }
  })

  test('live in Redis for eight days at most', async () => {
    await openDirect(world.newUser(), world.newUser())
    const found = (await world.redis.keys(`${world.keyPrefix}profile:*`)) as string[]
    expect(found.length).toBeGreaterThan(0)
    for (const key of found) {
      const seconds = await world.redis.ttl(key.slice(world.keyPrefix.length))
      expect(seconds).toBeGreaterThan(0)
      expect(seconds).toBeLessThanOrEqual(8 * 24 * 60 * 60)
    }
  })
})

describe('the main service is asked', () => {
  test('once for a hundred people: 8 calls for a list of 100 groups with 701 of them, and none the next time', async () => {
    const alice = world.newUser()
    const other = await openWorld()
    await Promise.all(Array.from({ length: 100 }, () => createGroup(alice, newUsers(7), {}, other)))
    await other.close()

    let items: Conversation[] = []
    const cold = await callsDuring(async () => {
      items = await list(alice, '?limit=100')
    })
    expect(items).toHaveLength(100)
    for (const item of items)
      for (const { userId, profile } of item.participants) expect(profile).toEqual(fresh(userId))
    expect(cold).toHaveLength(8)
    for (const { userIds } of cold) expect(userIds.length).toBeLessThanOrEqual(100)
    expect(new Set(cold.flatMap(({ userIds }) => userIds)).size).toBe(701)
    // Redis may be too slow for this many on a machine that does much else.
    await until('nothing is asked for', async () => {
      return (await callsDuring(() => list(alice, '?limit=100'))).length === 0
    })
  })

  test('once when a group is made, whoever is told', async () => {
    const [alice = '', ...others] = newUsers(8)
    const calls = await callsDuring(() => createGroup(alice, others))
    expect(calls).toHaveLength(1)
  })

  test('anew after 24 hours, when nothing told of a change', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    mainService.rename(bob, 'Bob II')
    world.clock.advance(19 * hourMs)
    expect((await get(alice, id)).name).toBe(userName(bob))
    world.clock.advance(5 * hourMs)
    expect((await get(alice, id)).name).toBe('Bob II')
    world.clock.set(new Date())
  })

  test('in the background after 20 hours, once, so that nobody waits', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    mainService.rename(bob, 'Bob II')
    world.clock.advance(20 * hourMs + minuteMs)
    const inline = await callsDuring(async () => {
      for (let read = 0; read < 3; read += 1) expect((await get(alice, id)).name).toBe(userName(bob))
    })
    expect(inline).toEqual([])
    expect(world.refreshes.jobs).toHaveLength(1)
    const [{ job } = { job: { subjects: [] } }] = world.refreshes.jobs
    expect(job.subjects.map(subject => subject.id).sort()).toEqual([alice, bob].sort())
    await world.refreshes.send(job)
    expect(await callsDuring(() => world.drain())).toHaveLength(1)
    expect((await get(alice, id)).name).toBe('Bob II')
    world.clock.set(new Date())
  })

  test('again for somebody whom it does not know, but less and less often', async () => {
    const [alice = '', nobody = ''] = newUsers(2)
    mainService.rename(nobody, null)
    const { id, name } = await openDirect(alice, nobody)
    expect(name).toBe(`User ${nobody.slice(-4)}`)
    const asksAfter = async (ms: number) => {
      world.clock.advance(ms)
      return (await callsDuring(() => get(alice, id))).length
    }
    const asked = [
      await asksAfter(0),
      await asksAfter(30_000),
      await asksAfter(31_000),
      await asksAfter(30_000),
      await asksAfter(40_000),
    ]
    expect(asked).toEqual([0, 1, 1, 0, 1])
    world.clock.advance(hourMs)
    await get(alice, id)
    expect(await asksAfter(4 * minuteMs)).toBe(0)
    expect(await asksAfter(minuteMs)).toBe(1)
    world.clock.set(new Date())
  })

  test('without Redis as well', async () => {
    const away = await openWorld({}, { mainService: { url: mainService.url, token } })
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob, away)
    await openDirect(alice, bob, away)
    away.redis.disconnect()
    const { status, body } = await away.http<Conversation>(alice, `GET /conversations/${id}`)
    expect({ status, name: body.name }).toEqual({ status: 200, name: userName(bob) })
    await away.close()
  })

  test('with its token, and shows placeholders when that is wrong', async () => {
    const stranger = await openWorld({}, { mainService: { url: mainService.url, token: 'another-one' } })
    const [alice = '', bob = ''] = newUsers(2)
    const opened = await openDirect(alice, bob, stranger)
    expect(profileOf(opened, bob)).toEqual({ name: `User ${bob.slice(-4)}`, avatarUrl: null, stale: true })
    await stranger.close()
  })
})

describe('a profile event', () => {
  test('shows in the next read after it was answered, of a user and of a business', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const business = newBusiness(world)
    const direct = await openDirect(alice, bob)
    const { body: chat } = await business.open(alice)
    mainService.rename(bob, 'Bob II')
    mainService.rename(business.id, 'Momo Palace')
    expect((await get(alice, direct.id)).name).toBe(userName(bob))
    expect((await tell('user.profile.updated', bob.toUpperCase())).status).toBe(204)
    expect((await tell('business.profile.updated', business.id)).status).toBe(204)
    expect((await list(alice)).map(({ name }) => name).sort()).toEqual(['Bob II', 'Momo Palace'])
    expect((await get(alice, chat.id)).name).toBe('Momo Palace')
  })

  test('comes from EventBridge as well', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    mainService.rename(bob, 'Bob II')
    const published = {
      version: '0',
      id: randomUUID(),
      source: 'kaha.main',
      'detail-type': 'user.profile.updated',
      detail: { uuid: bob, more: true },
    }
    await eventHandler(world.deps)(published, lambdaContext())
    expect((await get(alice, id)).name).toBe('Bob II')
    await expect(eventHandler(world.deps)({ ...published, detail: {} }, lambdaContext())).rejects.toThrow()
  })

  test('is not lost to an answer that was on its way', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    mainService.behave({ slowMs: 500 })
    const opening = openDirect(alice, bob)
    while (!mainService.calls.some(({ userIds }) => userIds.includes(bob))) await delay(5)
    await tell('user.profile.updated', bob)
    const { id } = await opening
    mainService.rename(bob, 'Bob II')
    mainService.behave('right')
    expect((await get(alice, id)).name).toBe('Bob II')
  })

  test('leaves the old name while the main service is down, as stale', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await openDirect(alice, bob)
    mainService.rename(bob, 'Bob II')
    mainService.behave('failing')
    await tell('user.profile.updated', bob)
    const meanwhile = await get(alice, id)
    mainService.behave('right')
    expect(meanwhile.name).toBe(userName(bob))
    expect(profileOf(meanwhile, bob)).toEqual({ ...fresh(bob), stale: true })
    expect((await get(alice, id)).name).toBe('Bob II')
  })

  test('of somebody whom nobody looks at leaves no trace after a minute', async () => {
    const nobody = randomUUID()
    await tell('user.profile.updated', nobody)
    expect(await world.redis.ttl(`profile:{user:${nobody}}`)).toBeLessThanOrEqual(60)
  })

  test.each([
    ['without a token', { headers: { authorization: '' } }, 401],
    ['with the token of a user', { token: undefined }, 401],
    ['with a token that begins alike', { token: `${testServiceToken}x` }, 401],
    ['of a kind that nobody knows', { body: { type: 'user.created', uuid: randomUUID() } }, 400],
    [
      'with a field that nobody knows',
      { body: { type: 'user.profile.updated', uuid: randomUUID(), name: 'Eve' } },
      400,
    ],
    ['of something that is no id', { body: { type: 'user.profile.updated', uuid: 'bob' } }, 400],
  ])('%s is refused', async (_, options, status) => {
    const answer = await tell('user.profile.updated', randomUUID(), options)
    expect(answer).toMatchObject({
      status,
      headers: { 'content-type': 'application/problem+json' },
      body: { code: status === 401 ? 'unauthorized' : 'validation_failed' },
    })
  })

  test('is answered with 503 while Redis is down, so that it is told again', async () => {
    const away = await openWorld()
    away.redis.disconnect()
    const options = { token: testServiceToken, body: { type: 'user.profile.updated', uuid: randomUUID() } }
    const answer = await away.http('', 'POST /internal/profile-events', options)
    expect(answer).toMatchObject({ status: 503, body: { code: 'store_unavailable' } })
    await away.close()
  })
})

/** How an outage begins. */
const outages: Record<string, (service: MainServiceStandIn) => unknown> = {
  'answers after 10 s': service => service.behave({ slowMs: 10_000 }),
  'answers with status 500': service => service.behave('failing'),
  'answers garbage': service => service.behave('garbage'),
  'knows half of the ids': service => service.behave('partial'),
  'answers with 100 MB': service => service.behave('huge'),
  'is down': service => service.stop(),
}

describe('when the main service', () => {
  // What takes time is the ten seconds for which it is left alone, so all of them wait at once.
  test.concurrent.each(Object.keys(outages))(
    '%s, everything is answered in time, and then right again',
    async name => {
      const standIn = await startMainService({ token })
      const away = await openWorld({}, { mainService: { url: standIn.url, token }, poolSize: 5 })
      const port = Number(new URL(standIn.url).port)
      const [alice = '', bob = '', carol = '', dave = ''] = newUsers(4)
      const business = newBusiness(away)
      const agent = await business.addAgent()
      const known = await openDirect(alice, bob, away)
      await outages[name]?.(standIn)
      const callsBefore = standIn.calls.length
      await tellIn(away, bob)

      const statuses: number[] = []
      const slowest: number[] = []
      const ask = async <Body>(userId: string, request: string, body?: object) => {
        const startedAt = performance.now()
        const answer = await away.http<Body>(userId, request, body && { body })
        slowest.push(performance.now() - startedAt)
        statuses.push(answer.status)
        return answer.body
      }
      const { next } = await ask<{ next: string }>(alice, 'GET /sync')
      const stale = await ask<Conversation>(alice, `GET /conversations/${known.id}`)
      const group = await ask<Conversation>(alice, 'POST /conversations/group', { participantIds: [bob, carol] })
      await ask(alice, 'POST /conversations/direct', { targetUserId: dave })
      await ask(alice, 'GET /conversations?search=a')
      await ask(alice, 'GET /conversations?unread=true')
      await ask(alice, `PATCH /conversations/${group.id}`, { name: 'Trip' })
      await ask(alice, `POST /conversations/${group.id}/participants`, { userId: world.newUser() })
      await ask(alice, `PUT /conversations/${group.id}/participants/${carol}/role`, { role: 'admin' })
      await ask(alice, `POST /conversations/${group.id}/messages`, { content: 'Hello' })
      await ask(alice, `GET /sync?since=${next}`)
      const chat = await ask<Conversation>(alice, 'POST /conversations/business', { businessId: business.id })
      await ask(agent.id, `GET /business/${business.id}/inbox`)
      await ask(agent.id, `POST /business/conversations/${chat.id}/close`)
      const everything = await ask<ConversationPage>(alice, 'GET /conversations?limit=100')

      for (const status of statuses) expect([200, 201]).toContain(status)
      // The time-out is 2 s; the rest is for machines that are slow themselves.
      expect(Math.max(...slowest)).toBeLessThan(6_000)
      const isKnown = name === 'knows half of the ids' && isInHalf(bob)
      expect(profileOf(stale, bob)).toEqual({ ...fresh(bob), stale: !isKnown })
      expect(everything.items).toHaveLength(4)

      const waited = slowest.reduce((sum, ms) => sum + ms, 0)
      if (name !== 'knows half of the ids') {
        // Five calls until it is left alone, and one more after each ten seconds of that.
        expect(standIn.calls.length - callsBefore).toBeLessThanOrEqual(5 + Math.ceil(waited / 10_000))
        const inGroup = everything.items.find(({ id }) => id === group.id)
        expect(inGroup && profileOf(inGroup, carol)).toMatchObject({ name: `User ${carol.slice(-4)}`, stale: true })
      }

      const restored = name === 'is down' ? await startMainService({ token, port }) : standIn
      restored.behave('right')
      away.clock.advance(minuteMs)
      for (;;) {
        const items = await list(alice, '?limit=100', away)
        const people = items.flatMap(({ participants }) => participants)
        if (people.every(({ userId, profile }) => !profile.stale && profile.name === userName(userId))) break
        await delay(250)
      }
      expect((await get(alice, chat.id, away)).name).toBe(businessName(business.id))
      await away.close()
      await restored.stop()
    },
    60_000,
  )
})

const tellIn = (other: World, uuid: string) =>
  other.http('', 'POST /internal/profile-events', {
    token: testServiceToken,
    body: { type: 'user.profile.updated', uuid },
  })
