import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { insertParticipants, removeParticipant } from '../../shared/conversations/participants.repository.ts'
import { takeOffline } from '../../shared/presence/online.ts'
import type { PresenceList } from '../../shared/presence/presence.schema.ts'
import { announceOnline, getPresence, sweepPresence } from '../../shared/presence/presence.ts'
import { presenceSettings } from '../../shared/presence/settings.ts'
import { openRedis } from '../../shared/redis/connection.ts'
import { bucketOf, keys } from '../../shared/redis/keys.ts'
import { mentionUsers } from '../../shared/users/users.ts'
import { countingStatements, redisWritesDuring } from '../support/costs.ts'
import { standStill } from '../support/still-clock.ts'
import { openWorld, type Socket, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
  standStill(world.clock)
})
afterEach(() => {
  world.replays.takeAll()
})
afterAll(() => world.close())

const newUsers = (count: number) => Array.from({ length: count }, () => world.newUser())
const openDirect = (userId: string, targetUserId: string) =>
  world.http<{ id: string }>(userId, 'POST /conversations/direct', { body: { targetUserId } })
const createGroup = async (userId: string, participantIds: string[]) =>
  (await world.http<{ id: string }>(userId, 'POST /conversations/group', { body: { participantIds } })).body
const heartbeat = (socket: Socket | undefined) => socket?.send({ action: 'heartbeat' })
const presenceOf = async (callerId: string, ...userIds: string[]) =>
  (await world.http<PresenceList>(callerId, `GET /presence?userIds=${userIds.join(',')}`)).body.items
const changes = (socket: Socket | undefined) => socket?.events('presence.changed')
const now = () => world.clock.now().getTime()
const isoNow = () => world.clock.now().toISOString()
const seconds = (count: number) => count * 1_000

/** Time goes by as in production: the sweep looks every 5 s. */
const pass = async (count: number, meanwhile: (elapsed: number) => Promise<void> = async () => {}) => {
  for (let elapsed = 5; elapsed <= count; elapsed += 5) {
    world.clock.advance(seconds(5))
    await meanwhile(elapsed)
    await world.sweep('presence')
  }
}

/** Alice and Bob have a direct conversation, and Bob watches. */
const pair = async () => {
  const [alice = '', bob = ''] = newUsers(2)
  await openDirect(alice, bob)
  const watching = await world.connect(bob)
  await world.drain()
  return { alice, bob, watching }
}

const stillHere = (socket: Socket) => async (elapsed: number) => {
  if (elapsed % 15 === 0) await heartbeat(socket)
}

describe('while Redis is down', () => {
  test('asking answers offline, and telling does not fail', async () => {
    const { alice, bob } = await pair()
    const dead = openRedis({ REDIS_URL: 'redis://127.0.0.1:1' })
    const deps = { db: world.db, redis: dead, clock: world.clock, presence: presenceSettings }
    const offline = { items: [{ userId: bob, status: 'offline', lastSeenAt: null }] }
    try {
      expect(await getPresence(deps, { id: alice }, [bob])).toEqual(offline)
      expect(await getPresence(deps, { id: alice }, [bob])).toEqual(offline)
      await announceOnline({ ...world, redis: dead }, bob)
    } finally {
      dead.disconnect()
    }
  })
})

describe('a user who connects', () => {
  test('is told online once to those who share a direct conversation, however many sockets follow', async () => {
    const { alice, watching } = await pair()
    const first = await world.connect(alice)
    await world.drain()
    await world.connect(alice)
    await heartbeat(first)
    await world.drain()
    expect(changes(watching)).toEqual([{ userId: alice, status: 'online', lastSeenAt: null }])
    expect(changes(first)).toEqual([])
  })

  test('is not told online when the announcement comes after they have gone again', async () => {
    const { alice, watching } = await pair()
    const socket = await world.connect(alice)
    await socket.close()
    world.clock.advance(seconds(6))
    await announceOnline(world, alice)
    expect(changes(watching)).toEqual([])
  })

  test('is told online anew by a frame after others were told that they are offline', async () => {
    const { alice, watching } = await pair()
    const socket = await world.connect(alice)
    await world.drain()
    await pass(40, stillHere(watching))
    await heartbeat(socket)
    await world.drain()
    expect(changes(watching)?.map(change => change.status)).toEqual(['online', 'offline', 'online'])
  })
})

describe('200 users of whom half stop their heartbeats, and no $disconnect comes', () => {
  test('exactly those are told offline, each once, none before 30 s and all by 45 s', async () => {
    const users = newUsers(200)
    const pairs = Array.from({ length: 100 }, (_, n) => ({ stays: users[2 * n] ?? '', stops: users[2 * n + 1] ?? '' }))
    for (const { stays, stops } of pairs) await openDirect(stays, stops)
    const sockets = new Map<string, Socket>()
    for (const user of users) sockets.set(user, await world.connect(user))
    await world.drain()
    const lastFrame = new Map<string, number>()
    world.clock.advance(seconds(10))
    for (const { stops } of pairs) {
      await heartbeat(sockets.get(stops))
      lastFrame.set(stops, now())
    }
    // Half of those that stop are dead sockets, half are open and silent.
    for (const { stops } of pairs.slice(50)) world.push.answer(sockets.get(stops)?.connectionId ?? '', 'gone')
    const told: { to: string; about: unknown; status: unknown; at: number }[] = []
    let seen = world.push.frames.length
    await pass(90, async elapsed => {
      if (elapsed % 15 === 0) for (const { stays } of pairs) await heartbeat(sockets.get(stays))
      await world.sweep('presence')
      const at = now()
      for (const { connectionId, event, data } of world.push.frames.slice(seen)) {
        if (event !== 'presence.changed' || !sockets.has(String(data.userId))) continue
        told.push({ to: connectionId, about: data.userId, status: data.status, at })
      }
      seen = world.push.frames.length
    })
    expect(told).toHaveLength(100)
    const expected = pairs.map(({ stays, stops }) => ({ to: sockets.get(stays)?.connectionId, about: stops }))
    expect(new Set(told.map(({ to, about }) => `${to} ${about}`))).toEqual(
      new Set(expected.map(({ to, about }) => `${to} ${about}`)),
    )
    for (const { about, status, at } of told) {
      const silence = at - (lastFrame.get(about as string) ?? Number.NaN)
      expect(status).toBe('offline')
      expect(silence).toBeGreaterThanOrEqual(seconds(30))
      expect(silence).toBeLessThanOrEqual(seconds(45))
    }
  }, 60_000)
})

describe('the last seen time', () => {
  test('is that of the last frame when frames stop, in the event and in the answer', async () => {
    const { alice, bob, watching } = await pair()
    const socket = await world.connect(alice)
    world.clock.advance(seconds(20))
    await heartbeat(socket)
    const offline = { userId: alice, status: 'offline', lastSeenAt: isoNow() }
    await pass(45, stillHere(watching))
    expect(changes(watching)?.filter(change => change.status === 'offline')).toEqual([offline])
    expect(await presenceOf(bob, alice)).toEqual([offline])
  })

  test('is that of the last frame for whoever asks before the sweep has looked', async () => {
    const { alice, bob } = await pair()
    await world.connect(alice)
    const lastSeenAt = isoNow()
    world.clock.advance(seconds(30) - 1)
    expect(await presenceOf(bob, alice)).toEqual([{ userId: alice, status: 'online', lastSeenAt: null }])
    world.clock.advance(1)
    expect(await presenceOf(bob, alice)).toEqual([{ userId: alice, status: 'offline', lastSeenAt }])
  })

  test('is not moved by a $disconnect that comes long after the frames have stopped', async () => {
    const { alice, bob, watching } = await pair()
    const socket = await world.connect(alice)
    const lastSeenAt = isoNow()
    await pass(60, stillHere(watching))
    await socket.close()
    expect(await presenceOf(bob, alice)).toEqual([{ userId: alice, status: 'offline', lastSeenAt }])
  })
})

describe('closing sockets', () => {
  test('the last one takes a user offline: after 5 s for who asks, within 15 s for who watches', async () => {
    const { alice, bob, watching } = await pair()
    const socket = await world.connect(alice)
    await world.drain()
    world.clock.advance(seconds(7))
    await socket.close()
    const offline = { userId: alice, status: 'offline', lastSeenAt: isoNow() }
    world.clock.advance(seconds(5) - 1)
    expect(await presenceOf(bob, alice)).toEqual([{ userId: alice, status: 'online', lastSeenAt: null }])
    world.clock.advance(1)
    expect(await presenceOf(bob, alice)).toEqual([offline])
    await pass(10)
    expect(changes(watching)?.slice(1)).toEqual([offline])
    expect(await presenceOf(bob, alice)).toEqual([offline])
  })

  test('one of two sockets does not mark the user offline', async () => {
    const { alice, bob, watching } = await pair()
    const [phone, laptop] = [await world.connect(alice), await world.connect(alice)]
    await world.drain()
    await phone.close()
    await pass(90, async elapsed => {
      await stillHere(laptop)(elapsed)
      await stillHere(watching)(elapsed)
    })
    expect(changes(watching)).toEqual([{ userId: alice, status: 'online', lastSeenAt: null }])
    expect(await presenceOf(bob, alice)).toEqual([{ userId: alice, status: 'online', lastSeenAt: null }])
  })

  test('for a reload shows nothing to anybody', async () => {
    const { alice, bob, watching } = await pair()
    const before = await world.connect(alice)
    await world.drain()
    const told = changes(watching)?.length
    await before.close()
    world.clock.advance(seconds(2))
    await world.sweep('presence')
    world.clock.advance(seconds(2))
    await world.sweep('presence')
    const after = await world.connect(alice)
    await world.drain()
    await pass(60, async elapsed => {
      expect(await presenceOf(bob, alice)).toMatchObject([{ status: 'online' }])
      await stillHere(after)(elapsed)
      await stillHere(watching)(elapsed)
    })
    expect(changes(watching)).toHaveLength(told ?? -1)
  })
})

describe('changes of presence', () => {
  const insertBusinessConversation = async (customer: string, agent: string, hasLeft?: string) => {
    const id = randomUUID()
    const time = new Date()
    await world.db.transaction().execute(async trx => {
      await mentionUsers(trx, [customer, agent], time)
      const row = { id, type: 'business' as const, created_by: customer, created_at: time, last_activity_at: time }
      await trx.insertInto('conversations').values(row).execute()
      const users = [
        { userId: customer, role: 'customer' as const },
        { userId: agent, role: 'agent' as const },
      ]
      const participants = await insertParticipants(trx, { conversationId: id, users, joinedSeq: 0 }, time)
      const leaving = participants.find(({ user_id }) => user_id === hasLeft)
      if (leaving) await removeParticipant(trx, leaving, time)
    })
  }

  test('go to those who share a direct or business conversation, once, and to nobody else', async () => {
    const [alice = '', friend = '', customer = '', member = '', stranger = '', former = '', handedOn = ''] = newUsers(7)
    await openDirect(alice, friend)
    await insertBusinessConversation(customer, alice)
    await insertBusinessConversation(customer, alice)
    await insertBusinessConversation(alice, former, former)
    await insertBusinessConversation(handedOn, alice, alice)
    await createGroup(alice, [member, friend])
    const others = [friend, customer, member, stranger, former, handedOn]
    const watching = await Promise.all(others.map(user => world.connect(user)))
    await world.drain()
    const phone = await world.connect(alice)
    const laptop = await world.connect(alice)
    await world.drain()
    await phone.close()
    await laptop.close()
    await pass(10)
    expect(watching.map(socket => changes(socket)?.map(change => change.status))).toEqual([
      ['online', 'offline'],
      ['online', 'offline'],
      [],
      [],
      [],
      [],
    ])
    expect([...(changes(phone) ?? []), ...(changes(laptop) ?? [])]).toEqual([])
  })

  test('come on every socket of those concerned, one for each user who changed', async () => {
    const [hub = '', ...others] = newUsers(6)
    await Promise.all(others.map(other => openDirect(hub, other)))
    const sockets = [await world.connect(hub), await world.connect(hub)]
    const leaving = await Promise.all(others.map(other => world.connect(other)))
    await world.drain()
    for (const socket of leaving) await socket.close()
    await pass(10)
    for (const socket of sockets) {
      const offline = changes(socket)?.filter(change => change.status === 'offline')
      expect(offline?.map(change => change.userId).sort()).toEqual([...others].sort())
    }
  })

  test('are told once by two sweeps at the same time', async () => {
    const { alice, watching } = await pair()
    const socket = await world.connect(alice)
    await socket.close()
    world.clock.advance(seconds(6))
    await Promise.all([world.sweep('presence'), world.sweep('presence'), world.sweep('presence')])
    expect(changes(watching)?.filter(change => change.status === 'offline')).toHaveLength(1)
  })

  test('are told by a later sweep when one was killed before it told them', async () => {
    const { alice, watching } = await pair()
    const socket = await world.connect(alice)
    await socket.close()
    const lastSeenAt = isoNow()
    world.clock.advance(seconds(6))
    const killed = { bucket: bucketOf(alice), now: world.clock.now(), limit: 100 }
    const taken = await takeOffline(world.redis, presenceSettings, killed)
    expect(taken.map(({ userId }) => userId)).toContain(alice)
    const offline = () => changes(watching)?.filter(change => change.status === 'offline') ?? []
    await pass(25, stillHere(watching))
    expect(offline()).toEqual([])
    await pass(60, stillHere(watching))
    expect(offline()).toEqual([{ userId: alice, status: 'offline', lastSeenAt }])
  })

  test('that a killed sweep has not told are told to nobody once the user is back', async () => {
    const { alice, watching } = await pair()
    await (await world.connect(alice)).close()
    world.clock.advance(seconds(6))
    await takeOffline(world.redis, presenceSettings, { bucket: bucketOf(alice), now: world.clock.now(), limit: 100 })
    const back = await world.connect(alice)
    await pass(60, async elapsed => {
      await stillHere(watching)(elapsed)
      await stillHere(back)(elapsed)
    })
    expect(changes(watching)?.filter(change => change.status === 'offline')).toEqual([])
  })

  test('are swept in bounded batches', async () => {
    const users = Array.from({ length: 5 }, () => `${randomUUID().slice(0, -2)}07`)
    for (const user of users) await (await world.connect(user)).close()
    world.clock.advance(seconds(6))
    const batches = []
    do batches.push(await sweepPresence(world.deps, 7, world.clock.now(), 2))
    while (batches.at(-1)?.more)
    expect(batches).toEqual([
      { told: 2, more: true },
      { told: 2, more: true },
      { told: 1, more: false },
    ])
  })
})

describe('the sweep of presence', () => {
  test('scans no keys: it asks for all buckets at once, and tells whom it finds', async () => {
    const { alice, watching } = await pair()
    const socket = await world.connect(alice)
    await pass(60)
    const idle = await redisWritesDuring(world.redis, () => world.sweep('presence'))
    expect(idle).toHaveLength(1)
    await heartbeat(socket)
    await socket.close()
    world.clock.advance(seconds(6))
    const writes = await redisWritesDuring(world.redis, () => world.sweep('presence'))
    expect(changes(watching)?.at(-1)).toMatchObject({ userId: alice, status: 'offline' })
    for (const text of [...idle, ...writes]) expect(text).not.toMatch(/\r\n(keys|scan|zscan|hscan)\r\n/i)
  })

  test('costs one statement and five round trips for a batch, however many users it holds', async () => {
    const [hub = '', ...others] = Array.from({ length: 9 }, () => `${randomUUID().slice(0, -2)}05`)
    await Promise.all(others.map(other => openDirect(hub, other)))
    const watching = await world.connect(hub)
    for (const other of others) await (await world.connect(other)).close()
    world.clock.advance(seconds(6))
    const counter = countingStatements(world.db)
    const deps = { ...world.deps, db: counter.db }
    const writes = await redisWritesDuring(world.redis, () => sweepPresence(deps, 5, world.clock.now(), 100))
    expect(changes(watching)?.filter(change => change.status === 'offline')).toHaveLength(8)
    expect(counter.statements).toBe(1)
    expect(writes).toHaveLength(5)
  })

  test('keeps what it looks at from expiring, and lets it expire when it no longer looks', async () => {
    const { alice } = await pair()
    await world.connect(alice)
    await world.sweep('presence')
    const life = await world.redis.ttl(keys.online(bucketOf(alice)))
    expect(life).toBeGreaterThan(60)
    expect(life).toBeLessThanOrEqual(3_600)
  })
})

describe('asking for presence', () => {
  test('answers in the order asked, for everybody who shares any conversation, and for oneself', async () => {
    const [alice = '', friend = '', member = '', stranger = '', unknown = ''] = newUsers(5)
    await openDirect(alice, friend)
    await createGroup(alice, [member])
    const socket = await world.connect(alice)
    for (const user of [member, stranger]) await world.connect(user)
    await (await world.connect(friend)).close()
    world.clock.advance(seconds(6))
    const asked = [stranger, member, unknown, alice, friend, member]
    const answer = await presenceOf(alice, ...asked)
    expect(answer).toEqual([
      { userId: stranger, status: 'offline', lastSeenAt: null },
      { userId: member, status: 'online', lastSeenAt: null },
      { userId: unknown, status: 'offline', lastSeenAt: null },
      { userId: alice, status: 'online', lastSeenAt: null },
      { userId: friend, status: 'offline', lastSeenAt: expect.any(String) },
      { userId: member, status: 'online', lastSeenAt: null },
    ])
    const ack = await socket.send({ action: 'presence.get', requestId: 'p', data: { userIds: asked } })
    expect(ack).toEqual({ event: 'ack', requestId: 'p', data: { items: answer } })
  })

  test('shows nothing of who has left, nor to who has left', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const { id } = await createGroup(alice, [bob])
    for (const user of [alice, bob]) await world.connect(user)
    expect(await presenceOf(alice, bob)).toMatchObject([{ status: 'online' }])
    await world.http(alice, `DELETE /conversations/${id}/participants/${bob}`)
    expect(await presenceOf(alice, bob)).toEqual([{ userId: bob, status: 'offline', lastSeenAt: null }])
    expect(await presenceOf(bob, alice)).toEqual([{ userId: alice, status: 'offline', lastSeenAt: null }])
  })

  test('costs one statement and one Redis round trip for 100 users', async () => {
    const [alice = '', ...members] = newUsers(8)
    await createGroup(alice, members)
    const counter = countingStatements(world.db)
    const deps = { db: counter.db, redis: world.redis, clock: world.clock, presence: presenceSettings }
    const asked = [...members, ...newUsers(93)]
    const writes = await redisWritesDuring(world.redis, async () => {
      expect((await getPresence(deps, { id: alice }, asked)).items).toHaveLength(100)
    })
    expect(counter.statements).toBe(1)
    expect(writes).toHaveLength(1)
  })

  const someId = randomUUID()
  const tooMany = Array<string>(101).fill(someId)
  test.each([
    ['no list', '', 'userIds'],
    ['an empty list', '?userIds=', 'userIds.0'],
    ['what is no id', '?userIds=me', 'userIds.0'],
    ['a comma too many', `?userIds=${someId},`, 'userIds.1'],
    ['two lists', `?userIds=${someId}&userIds=${someId}`, 'userIds'],
    ['an unknown parameter', `?userIds=${someId}&limit=5`, 'limit'],
    ['101 ids', `?userIds=${tooMany.join(',')}`, 'userIds'],
  ])('with %s is refused', async (_, query, path) => {
    const answer = await world.http(world.newUser(), `GET /presence${query}`)
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed', errors: [{ path }] } })
  })

  test.each([
    ['no list', {}],
    ['an empty list', { userIds: [] }],
    ['a string', { userIds: someId }],
    ['101 ids', { userIds: tooMany }],
    ['an unknown field', { userIds: [someId], limit: 5 }],
  ])('by presence.get with %s is refused', async (_, data) => {
    const socket = await world.connect(world.newUser())
    const answer = await socket.send({ action: 'presence.get', requestId: 'p', data })
    expect(answer).toMatchObject({ event: 'error', requestId: 'p', error: { code: 'validation_failed' } })
  })
})
