import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { typingSettings } from '../../shared/presence/settings.ts'
import { startTyping, stopTyping } from '../../shared/presence/typing.ts'
import { openRedis } from '../../shared/redis/connection.ts'
import { keys } from '../../shared/redis/keys.ts'
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
const createGroup = async (userId: string, participantIds: string[]) =>
  (await world.http<{ id: string }>(userId, 'POST /conversations/group', { body: { participantIds } })).body.id
const type = async (socket: Socket, action: 'typing.start' | 'typing.stop', conversationId: string) =>
  socket.send({ action, requestId: 't', data: { conversationId } })
const started = (socket: Socket) => socket.events('typing.started')
const stopped = (socket: Socket) => socket.events('typing.stopped')
const inSeconds = (count: number) => new Date(world.clock.now().getTime() + count * 1_000).toISOString()
const seconds = (count: number) => count * 1_000

/** Alice types in a group with Bob and Carol, who watch. */
const group = async () => {
  const [alice = '', bob = '', carol = ''] = newUsers(3)
  const id = await createGroup(alice, [bob, carol])
  const typing = await world.connect(alice)
  const watching = [await world.connect(bob), await world.connect(carol)]
  return { alice, bob, carol, id, typing, watching, typist: { conversationId: id, userId: alice } }
}

const typingDeps = () => ({ ...world, typing: typingSettings })

describe('while Redis is down', () => {
  test('typing is answered as always and passed on to nobody, and a stranger still finds nothing', async () => {
    const { typist, watching } = await group()
    const dead = openRedis({ REDIS_URL: 'redis://127.0.0.1:1' })
    const gone = async () => {
      throw new Error('Redis is gone')
    }
    const deps = { ...typingDeps(), redis: dead, switchboard: { ...world.switchboard, connectionsOf: gone } }
    try {
      expect(await startTyping(deps, typist)).toEqual({ expiresAt: inSeconds(5) })
      expect(await stopTyping(deps, typist)).toEqual({ expiresAt: inSeconds(0) })
      for (const socket of watching) expect([...started(socket), ...stopped(socket)]).toEqual([])
      const stranger = { ...typist, userId: world.newUser() }
      await expect(startTyping(deps, stranger)).rejects.toMatchObject({ code: 'not_found' })
      await expect(stopTyping(deps, stranger)).rejects.toMatchObject({ code: 'not_found' })
    } finally {
      dead.disconnect()
    }
  })
})

describe('typing', () => {
  test('is told to every socket of the others, with its end in 5 s, and to nobody else', async () => {
    const { alice, bob, id, typing, watching } = await group()
    const [ownLaptop, bobsLaptop, stranger] = await Promise.all(
      [alice, bob, world.newUser()].map(user => world.connect(user)),
    )
    const answer = await type(typing, 'typing.start', id)
    expect(answer).toEqual({ event: 'ack', requestId: 't', data: { expiresAt: inSeconds(5) } })
    const event = { conversationId: id, userId: alice, expiresAt: inSeconds(5) }
    for (const socket of [...watching, bobsLaptop]) expect(socket?.events('typing.started')).toEqual([event])
    for (const socket of [typing, ownLaptop, stranger]) expect(socket?.events('typing.started')).toEqual([])
  })

  test('is passed on at most once in 3 s for each user and conversation', async () => {
    const { alice, bob, id, typing, watching } = await group()
    const [bobs, carols] = watching
    const first = await type(typing, 'typing.start', id)
    for (const milliseconds of [0, 1_000, 1_000, 999]) {
      world.clock.advance(milliseconds)
      expect((await type(typing, 'typing.start', id)).data).toEqual(first.data)
    }
    expect(started(bobs as Socket)).toHaveLength(1)
    const other = await createGroup(alice, [bob])
    await type(typing, 'typing.start', other)
    await type(bobs as Socket, 'typing.start', id)
    expect(started(bobs as Socket).map(event => event.conversationId)).toEqual([id, other])
    expect(started(carols as Socket).map(event => event.userId)).toEqual([alice, bob])
    world.clock.advance(1)
    expect((await type(typing, 'typing.start', id)).data).toEqual({ expiresAt: inSeconds(5) })
    expect(started(carols as Socket)).toHaveLength(3)
  })

  test('is passed on once when two devices start at the same moment', async () => {
    const { alice, id, typing, watching } = await group()
    const laptop = await world.connect(alice)
    await Promise.all([typing, laptop, typing, laptop].map(socket => type(socket, 'typing.start', id)))
    for (const socket of watching) expect(started(socket)).toHaveLength(1)
  })

  test('ends by itself: nothing of it is left in Redis after 5 s, and a later stop tells nobody', async () => {
    const { alice, id, typing, watching } = await group()
    await type(typing, 'typing.start', id)
    const life = await world.redis.pttl(keys.typing(id, alice))
    expect(life).toBeGreaterThan(0)
    expect(life).toBeLessThanOrEqual(seconds(5))
    world.clock.advance(seconds(5))
    await type(typing, 'typing.stop', id)
    for (const socket of watching) expect(stopped(socket)).toEqual([])
  })
})

describe('a stop', () => {
  test('is told to the others once, and is answered with now', async () => {
    const { alice, id, typing, watching } = await group()
    await type(typing, 'typing.start', id)
    for (let n = 0; n < 2; n += 1) {
      expect((await type(typing, 'typing.stop', id)).data).toEqual({ expiresAt: inSeconds(0) })
    }
    for (const socket of watching) expect(stopped(socket)).toEqual([{ conversationId: id, userId: alice }])
    expect(stopped(typing)).toEqual([])
  })

  test('without typing tells nobody', async () => {
    const { id, typing, watching } = await group()
    expect(await type(typing, 'typing.stop', id)).toMatchObject({ event: 'ack' })
    for (const socket of watching) expect(stopped(socket)).toEqual([])
  })

  test('does not open the way for another start within the 3 s', async () => {
    const { id, typing, watching } = await group()
    for (let n = 0; n < 5; n += 1) {
      await type(typing, 'typing.start', id)
      await type(typing, 'typing.stop', id)
    }
    for (const socket of watching) expect([started(socket).length, stopped(socket).length]).toEqual([1, 1])
    expect((await type(typing, 'typing.start', id)).data).toEqual({ expiresAt: inSeconds(5) })
    world.clock.advance(seconds(3))
    await type(typing, 'typing.start', id)
    for (const socket of watching) expect(started(socket)).toHaveLength(2)
  })
})

describe('who is not in the conversation', () => {
  test('is told so each time, as for a conversation that does not exist, and nobody hears of it', async () => {
    const { alice, bob, id, typing, watching } = await group()
    const stranger = await world.connect(world.newUser())
    await world.http(alice, `DELETE /conversations/${id}/participants/${bob}`)
    const [bobs, carols] = watching
    for (const action of ['typing.start', 'typing.start', 'typing.stop'] as const) {
      const nowhere = await type(stranger, action, randomUUID())
      expect(nowhere).toMatchObject({ event: 'error', error: { code: 'not_found' } })
      for (const socket of [stranger, bobs as Socket]) {
        const answer = await type(socket, action, id)
        expect({ ...answer.error, requestId: '' }).toEqual({ ...nowhere.error, requestId: '' })
      }
    }
    expect([...started(typing), ...started(carols as Socket)]).toEqual([])
    await type(typing, 'typing.start', id)
    expect(started(bobs as Socket)).toEqual([])
    expect(started(carols as Socket)).toHaveLength(1)
  })

  test('is not told any more that somebody types once they were removed', async () => {
    const { alice, bob, id, typing, watching } = await group()
    await type(typing, 'typing.start', id)
    await world.http(alice, `DELETE /conversations/${id}/participants/${bob}`)
    await type(typing, 'typing.stop', id)
    expect(watching.map(socket => stopped(socket).length)).toEqual([0, 1])
  })

  test.each([{}, { conversationId: 'here' }, { conversationId: randomUUID(), text: 'Hel' }])(
    'nor is a frame with %j accepted',
    async data => {
      const socket = await world.connect(world.newUser())
      for (const action of ['typing.start', 'typing.stop']) {
        const answer = await socket.send({ action, requestId: 't', data })
        expect(answer).toMatchObject({ event: 'error', requestId: 't', error: { code: 'validation_failed' } })
      }
    },
  )
})

describe('the costs', () => {
  const costsOf = async (run: (deps: ReturnType<typeof typingDeps>) => Promise<unknown>) => {
    const counter = countingStatements(world.db)
    const writes = await redisWritesDuring(world.redis, () => run({ ...typingDeps(), db: counter.db }))
    return { statements: counter.statements, roundTrips: writes.length }
  }

  test('of typing that is passed on are one statement and two round trips, of what is not only one round trip', async () => {
    const { typist } = await group()
    expect(await costsOf(deps => startTyping(deps, typist))).toEqual({ statements: 1, roundTrips: 2 })
    expect(await costsOf(deps => startTyping(deps, typist))).toEqual({ statements: 0, roundTrips: 1 })
    expect(await costsOf(deps => stopTyping(deps, typist))).toEqual({ statements: 1, roundTrips: 2 })
    expect(await costsOf(deps => stopTyping(deps, typist))).toEqual({ statements: 1, roundTrips: 1 })
  })
})
