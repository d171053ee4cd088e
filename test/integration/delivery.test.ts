import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { openDatabase } from '../../shared/database/connection.ts'
import { planSweep } from '../../shared/delivery/sweep-plan.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import { audiencesOf } from '../../shared/receipts/audience.ts'
import { flushDelivered } from '../../shared/receipts/delivered.ts'
import { findStandings } from '../../shared/receipts/receipts.repository.ts'
import { bucketOf, keys } from '../../shared/redis/keys.ts'
import { countingStatements, redisWritesDuring } from '../support/costs.ts'
import { openWorld, type Socket, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld({ pageSize: 50, syncLimit: 120 })
})
afterAll(() => world.close())
beforeEach(() => {
  world.replays.takeAll()
  world.receipts.takeAll()
})

const newUsers = (count: number) => Array.from({ length: count }, () => world.newUser())
const openDirect = async (userId: string, targetUserId: string) =>
  (await world.http<Conversation>(userId, 'POST /conversations/direct', { body: { targetUserId } })).body.id
const createGroup = async (userId: string, participantIds: string[]) =>
  (await world.http<Conversation>(userId, 'POST /conversations/group', { body: { participantIds } })).body.id
const send = async (userId: string, id: string, content: string) =>
  (await world.http<Message>(userId, `POST /conversations/${id}/messages`, { body: { content } })).body
const sendMany = async (userId: string, id: string, count: number) => {
  for (let sent = 0; sent < count; sent += 1) await send(userId, id, `No. ${sent + 1}`)
}
interface Batch {
  conversationId: string
  messages: Message[]
  replayed: true
}
const batches = (socket: Socket) => socket.events('messages.batch') as unknown as Batch[]
const replayedSeqs = (socket: Socket, id: string) =>
  batches(socket)
    .filter(batch => batch.conversationId === id)
    .flatMap(batch => batch.messages.map(message => message.seq))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)
const delivered = (socket: Socket, conversationId: string, seq: number) =>
  socket.send({ action: 'message.delivered', requestId: 'd', data: { conversationId, seq } })

describe('connecting', () => {
  test('brings everything that is missing in order, once, and then session.ready', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const ids = [await openDirect(alice, bob), await createGroup(alice, [bob]), await createGroup(alice, [bob])]
    for (const [index, id] of ids.entries()) await world.storeMessages(alice, id, 60 + 60 * index)
    const socket = await world.connect(bob)
    await world.drain()
    for (const [index, id] of ids.entries()) expect(replayedSeqs(socket, id)).toEqual(range(1, 60 + 60 * index))
    expect(socket.events('session.ready')).toMatchObject([
      {
        connectionId: socket.connectionId,
        userId: bob,
        replayed: 360,
        unreadTotal: 360,
        settings: { heartbeatSeconds: 15 },
      },
    ])
    const order = world.push.frames
      .filter(frame => frame.connectionId === socket.connectionId)
      .map(({ event }) => event)
    expect(order.at(-1)).toBe('session.ready')
  })

  test('tells the heartbeat that operators have set', async () => {
    const other = await openWorld({ heartbeatSeconds: 20 })
    try {
      const socket = await other.connect(other.newUser())
      await other.drain()
      expect(socket.events('session.ready')).toMatchObject([{ settings: { heartbeatSeconds: 20, gapSeconds: 2 } }])
    } finally {
      await other.close()
    }
  })

  test('asks for the replay a second later, because a push before $connect has returned meets 410', async () => {
    await world.connect(world.newUser())
    expect(world.replays.jobs).toMatchObject([{ delaySeconds: 1, job: { kind: 'connect', withReplay: true } }])
  })

  test('with replay=none brings session.ready and nothing else', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    await sendMany(alice, await openDirect(alice, bob), 3)
    const socket = await world.connect(bob, { replay: 'none' })
    await world.drain()
    expect(batches(socket)).toEqual([])
    expect(socket.events('session.ready')).toMatchObject([{ replayed: 0, unreadTotal: 3 }])
  })

  test('does not bring again what was acknowledged', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await sendMany(alice, id, 6)
    const first = await world.connect(bob)
    await world.drain()
    expect(await delivered(first, id, 4)).toEqual({ event: 'ack', requestId: 'd', data: {} })
    const second = await world.connect(bob)
    await world.drain()
    expect(replayedSeqs(second, id)).toEqual([5, 6])
  })

  test('keeps what was acknowledged through a flush to Postgres and the loss of Redis', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await sendMany(alice, id, 6)
    const first = await world.connect(bob)
    await delivered(first, id, 4)
    await world.sweep('positions')
    await delivered(first, id, 6)
    await world.redis.del(keys.delivered(id))
    const second = await world.connect(bob)
    await world.drain()
    expect(replayedSeqs(second, id)).toEqual([5, 6])
  })

  test('brings frames of at most 32 KB', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    for (let sent = 0; sent < 8; sent += 1) await send(alice, id, 'नमस्ते'.repeat(650))
    const socket = await world.connect(bob)
    await world.drain()
    const sizes = batches(socket).map(batch => Buffer.byteLength(JSON.stringify(batch)))
    expect(replayedSeqs(socket, id)).toEqual(range(1, 8))
    for (const size of sizes) expect(size).toBeLessThanOrEqual(32 * 1024)
    expect(sizes.length).toBeLessThan(8)
  })
})

describe('a replay job', () => {
  test('that comes twice and out of order brings nothing more than twice, and the first sight in order', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await world.storeMessages(alice, id, 130)
    const socket = await world.connect(bob)
    const [job] = world.replays.takeAll()
    if (!job) throw new Error('There is no job')
    await Promise.all([world.replays.send(job), world.replays.send(job)])
    await world.drain()
    await world.replays.send(job)
    await world.drain()
    expect(replayedSeqs(socket, id)).toEqual(range(1, 130))
    expect(socket.events('session.ready')).toHaveLength(1)
  })

  test('goes on in a follow-up job before the time of its function is up', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await world.storeMessages(alice, id, 130)
    const socket = await world.connect(bob)
    world.setRemainingMs(1_000)
    await world.drain()
    world.setRemainingMs(60_000)
    expect(replayedSeqs(socket, id)).toEqual(range(1, 130))
    expect(socket.events('session.ready')).toMatchObject([{ replayed: 130 }])
  })

  test('tries a young connection again, and gives one up that has gone', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await sendMany(alice, id, 2)
    const socket = await world.connect(bob)
    const [first] = world.replays.takeAll()
    world.push.answer(socket.connectionId, 'gone')
    if (first) await world.runReplay(first)
    expect(world.replays.jobs).toMatchObject([{ delaySeconds: 1, job: { kind: 'connect', hop: 1 } }])
    world.clock.advance(11_000)
    await world.drain()
    world.clock.advance(-11_000)
    expect(await world.switchboard.connectionsOf([bob])).toEqual([])
    expect(world.replays.jobs).toEqual([])
  })

  test('of the sweep is dropped while another replay of the connection runs', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await world.storeMessages(alice, id, 200)
    const socket = await world.connect(bob)
    const [connect] = world.replays.takeAll()
    await world.sendMissingTo(socket)
    const [missing] = world.replays.takeAll()
    if (!connect || !missing) throw new Error('There is no job')
    await Promise.all([world.runReplay(connect), world.runReplay(missing)])
    await world.drain()
    const seqs = replayedSeqs(socket, id)
    const counts = Map.groupBy(seqs, seq => seq)
    expect([...counts.keys()]).toEqual(range(1, 200))
    for (const times of counts.values()) expect(times.length).toBeLessThanOrEqual(2)
    expect(socket.events('session.ready')).toHaveLength(1)
  })
})

describe('a message that nobody acknowledged on a live connection', () => {
  test('comes again within 90 seconds, and not once it is acknowledged', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const socket = await world.connect(bob)
    await world.drain()
    await send(alice, id, 'Into the void')
    await world.sweep('pending')
    expect(batches(socket)).toEqual([])
    world.clock.advance(45_000)
    await world.sweep('pending')
    expect(replayedSeqs(socket, id)).toEqual([1])
    await delivered(socket, id, 1)
    world.clock.advance(45_000)
    await world.sweep('pending')
    world.clock.advance(-90_000)
    expect(replayedSeqs(socket, id)).toEqual([1])
  })

  test('comes again when the function died between its commit and Redis', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const socket = await world.connect(bob)
    await world.drain()
    await world.storeMessages(alice, id, 1)
    world.clock.advance(45_000)
    await world.sweep('positions')
    await world.sweep('unmarked')
    await world.sweep('pending')
    world.clock.advance(-45_000)
    expect(replayedSeqs(socket, id)).toEqual([1])
  })

  test('is found while it has just become due, and later by the look at everything, which comes once a minute', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const socket = await world.connect(bob)
    await world.drain()
    await world.storeMessages(alice, id, 1)
    const lookAfter = async (milliseconds: number, more: { isRecent?: boolean }) => {
      world.clock.advance(milliseconds)
      await world.sweep('unmarked', more)
      await world.sweep('pending')
      world.clock.advance(-milliseconds)
      return replayedSeqs(socket, id)
    }
    expect(await lookAfter(200_000, { isRecent: true })).toEqual([])
    expect(await lookAfter(45_000, { isRecent: true })).toEqual([1])
    await world.redis.del(keys.pending(bob))
    expect(await lookAfter(200_000, {})).toEqual([1, 1])

    world.sweeps.takeAll()
    await planSweep(world, new Date('2026-01-01T12:00:01Z'), { presence: 5, rest: 15 })
    const looks = world.sweeps.jobs.filter(({ job }) => job.task === 'unmarked')
    expect(looks.map(({ job, delaySeconds }) => [delaySeconds, job.isRecent ?? false])).toEqual([
      [2, false],
      [17, true],
      [32, true],
      [47, true],
      [62, false],
      [77, true],
      [92, true],
      [107, true],
    ])
    const first = new Map(world.sweeps.jobs.map(({ job, delaySeconds }) => [job.task, delaySeconds] as const).reverse())
    const rest = ['positions', 'unmarked', 'pending', 'connections', 'business'] as const
    expect(rest.map(task => first.get(task))).toEqual([14, 2, 5, 8, 11])
    world.sweeps.takeAll()
  })

  test('is looked for in steps of as much as a job looks at, one job after another', async () => {
    const small = await openWorld({}, { sweepSettings: { messagesAtOnce: 4 } })
    const [alice = '', bob = ''] = [small.newUser(), small.newUser()]
    const { body } = await small.http<Conversation>(alice, 'POST /conversations/direct', {
      body: { targetUserId: bob },
    })
    // A time at which no other test has sent anything.
    const start = small.clock.now().getTime() - 3 * 24 * 60 * 60 * 1000
    await small.storeMessages(alice, body.id, 12)
    await small.db
      .updateTable('messages')
      .set({ sent_at: sql<Date>`${new Date(start)}::timestamptz + seq * interval '1 second'` })
      .where('conversation_id', '=', body.id)
      .execute()
    const queued = await small.sweep('unmarked', { sent: { from: start - 1_000, until: start + 20_000 } })
    const looks = queued.flatMap(jobs => jobs.flatMap(({ sent }) => sent ?? []))
    await small.close()
    expect(queued.every(jobs => jobs.length === 1)).toBe(true)
    // The first was too much; each of the others begins where the one before it ended, or where it was too much.
    expect(looks[0]).toEqual({ from: start - 1_000, until: start + 20_000, step: 2_625 })
    expect(looks.map(({ from }) => from)).toEqual(looks.map(({ from }) => from).toSorted((a, b) => a - b))
    expect(looks.at(-1)).toMatchObject({ until: start + 20_000 })
    expect(looks.length).toBeLessThan(12)
  })

  test('is found among more than one job looks at, and what is acknowledged leaves Postgres without a row', async () => {
    const small = await openWorld({}, { sweepSettings: { messagesAtOnce: 3, batch: 2 } })
    const [alice = '', dave = '', ...others] = Array.from({ length: 6 }, () => small.newUser())
    const { body } = await small.http<Conversation>(alice, 'POST /conversations/group', {
      body: { participantIds: [dave, ...others] },
    })
    const sockets = await Promise.all(others.map(userId => small.connect(userId)))
    await small.connect(alice)
    await small.drain()
    // All of one moment are looked at in one job, however many they are; the others in jobs of their own.
    await small.storeMessages(alice, body.id, 9)
    await small.storeMessages(dave, body.id, 1)
    await small.db
      .updateTable('participants')
      .set({ last_delivered_seq: 9 })
      .where('user_id', '=', others[0] ?? '')
      .execute()
    await small.db
      .updateTable('participants')
      .set({ last_delivered_seq: 10 })
      .where('user_id', '=', others[1] ?? '')
      .execute()
    small.clock.advance(45_000)
    await small.sweep('unmarked', { isRecent: true })
    const marked = await Promise.all(
      [alice, dave, ...others].map(userId => small.redis.hexists(keys.pending(userId), body.id)),
    )
    await small.sweep('pending')
    small.clock.advance(-45_000)
    const seqs = sockets.map(socket => replayedSeqs(socket, body.id))
    await small.close()
    // Dave is not connected, and the second has everything.
    expect(marked).toEqual([1, 0, 1, 0, 1, 1])
    expect(seqs).toEqual([[10], [], range(1, 10), range(1, 10)])
  })

  test('leaves those alone who are not connected: connecting replays', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    await send(alice, await openDirect(alice, bob), 'Later')
    world.clock.advance(45_000)
    await world.sweep('unmarked')
    await world.sweep('pending')
    world.clock.advance(-45_000)
    expect(world.replays.jobs).toEqual([])
  })

  test('is asked for from the gap on: 5 is acknowledged, 6 was lost, 7 is there', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const socket = await world.connect(bob)
    await sendMany(alice, id, 7)
    await world.drain()
    const before = batches(socket).length
    await delivered(socket, id, 5)
    world.clock.advance(45_000)
    await world.sweep('pending')
    world.clock.advance(-45_000)
    expect(
      batches(socket)
        .slice(before)
        .flatMap(batch => batch.messages.map(message => message.seq)),
    ).toEqual([6, 7])
  })
})

describe('a connection that Redis has lost', () => {
  test('is registered again by its next frame and gets what was missed', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const socket = await world.connect(bob)
    await world.drain()
    await world.redis.del(keys.connections(bob))
    await send(alice, id, 'Nobody there')
    expect(socket.events('message.created')).toEqual([])
    await socket.send({ action: 'heartbeat' })
    await world.drain()
    expect(replayedSeqs(socket, id)).toEqual([1])
    await send(alice, id, 'Back')
    expect(socket.events('message.created')).toMatchObject([{ message: { seq: 2 } }])
  })

  test('is found by the sender’s own frame, too', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const socket = await world.connect(alice)
    await world.drain()
    await world.redis.del(keys.connections(alice))
    await socket.send({ action: 'message.send', data: { conversationId: id, content: 'Hi' } })
    expect(world.replays.jobs).toMatchObject([{ job: { kind: 'missing', connection: { userId: alice } } }])
  })

  test('is not taken for a known one because its business has it still', async () => {
    const [manager = '', customer = '', businessId = '', conversationId = ''] = newUsers(4)
    const now = world.clock.now()
    const connection = { id: 'of-a-manager=', userId: manager, businessId, connectedAt: now.getTime() }
    await world.switchboard.touch(connection, new Date(now.getTime() + 60_000), now)
    await world.redis.del(keys.connections(manager))
    const routing = { conversationId, seq: 1, senderId: manager, recipients: [customer], businessId, from: connection }
    expect((await world.switchboard.route(routing, now)).sign).toMatchObject({ known: false })
    expect((await world.switchboard.route(routing, now)).sign).toMatchObject({ known: true })
    expect(await world.switchboard.connectionsOf([manager])).toMatchObject([{ id: connection.id }])
  })
})

describe('when Redis does not answer', () => {
  test('a send is stored and its recipients are looked up again by a job', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const socket = await world.connect(bob)
    await world.drain()
    await world.withoutRouting(async () => {
      expect((await send(alice, id, 'Stored')).seq).toBe(1)
    })
    expect(socket.events('message.created')).toEqual([])
    expect(world.replays.jobs).toMatchObject([{ job: { kind: 'unrouted', seq: 1 } }])
    await world.drain()
    expect(replayedSeqs(socket, id)).toEqual([1])
  })

  test('and SQS neither, the send is stored all the same', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    world.replays.fail(true)
    await world.withoutRouting(async () => {
      expect((await send(alice, id, 'Stored')).seq).toBe(1)
    })
    await expect(world.connect(bob)).rejects.toThrow('503')
    world.replays.fail(false)
  })

  test('a replay comes again soon, however far it has come, and later with each time in a row', async () => {
    const away = await openWorld()
    await away.connect(away.newUser())
    const [job] = away.replays.takeAll()
    if (!job) throw new Error('There is no job')
    away.redis.disconnect()
    await away.runReplay({ ...job, hop: 9 })
    const [first] = away.replays.jobs
    expect(first).toMatchObject({ delaySeconds: 1, job: { hop: 10, outages: 1 } })
    for (let times = 0; times < 5; times += 1) await away.runReplay(away.replays.takeAll()[0] ?? job)
    const [sixth] = away.replays.jobs
    expect(sixth?.job).toMatchObject({ outages: 6 })
    expect(sixth?.delaySeconds).toBeGreaterThanOrEqual(16)
    expect(sixth?.delaySeconds).toBeLessThanOrEqual(32)
    await away.close()
  })

  test.each(['done', 'later'] as const)('a replay that is %s before Redis goes does not come again', async outcome => {
    const away = await openWorld({ pageSize: 50 })
    const [alice, bob] = [away.newUser(), away.newUser()]
    const { body } = await away.http<Conversation>(alice, 'POST /conversations/direct', {
      body: { targetUserId: bob },
    })
    await away.storeMessages(alice, body.id, 130)
    const socket = await away.connect(bob)
    const [job] = away.replays.takeAll()
    if (!job) throw new Error('There is no job')
    const { send } = away.push
    away.push.send = async (connectionId, frame) => {
      const isLast = frame.includes(outcome === 'done' ? 'session.ready' : 'messages.batch')
      if (isLast) away.redis.disconnect()
      const answer = await send(connectionId, frame)
      return isLast && outcome === 'later' ? 'failed' : answer
    }
    await away.runReplay(job)
    expect(away.redis.status).toBe('end')
    expect(socket.events('session.ready')).toHaveLength(outcome === 'done' ? 1 : 0)
    expect(away.replays.jobs).toMatchObject(outcome === 'done' ? [] : [{ job: { hop: 1, outages: 0 } }])
    await away.close()
  })
})

describe('an acknowledgement', () => {
  test('of 2^53, of another conversation or by a former member blinds nobody', async () => {
    const [alice = '', bob = '', eve = ''] = newUsers(3)
    const id = await createGroup(alice, [bob, eve])
    const socket = await world.connect(eve)
    await delivered(socket, id, 2 ** 53)
    await world.http(alice, `DELETE /conversations/${id}/participants/${eve}`)
    expect(await delivered(socket, id, 2 ** 53)).toMatchObject({ event: 'error', error: { code: 'not_found' } })
    expect(await delivered(socket, world.newUser(), 1)).toMatchObject({ error: { code: 'not_found' } })
    await sendMany(alice, id, 3)
    await world.http(alice, `POST /conversations/${id}/participants`, { body: { userId: eve } })
    await sendMany(alice, id, 2)
    const [bobs, eves] = [await world.connect(bob), await world.connect(eve)]
    await world.drain()
    expect(replayedSeqs(bobs, id)).toEqual(range(1, 5))
    expect(replayedSeqs(eves, id)).toEqual([4, 5])
  })

  test('never moves backwards', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await sendMany(alice, id, 5)
    const socket = await world.connect(bob)
    await delivered(socket, id, 5)
    await delivered(socket, id, 2)
    await world.sweep('positions')
    const { body } = await world.http<Conversation>(alice, `GET /conversations/${id}`)
    expect(body.participants.find(({ userId }) => userId === bob)?.lastDeliveredSeq).toBe(5)
  })

  test('is stored in the end, also when Postgres was not there at first, or it moved meanwhile', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await sendMany(alice, id, 5)
    const socket = await world.connect(bob)
    const stored = async () => {
      const where = { conversation_id: id, user_id: bob }
      const rows = world.db.selectFrom('participants').select('last_delivered_seq')
      return (await rows.where(eb => eb.and(where)).executeTakeFirstOrThrow()).last_delivered_seq
    }
    await delivered(socket, id, 2)
    const nowhere = openDatabase(DatabaseConfig.parse({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' }))
    const bucket = bucketOf(bob)
    // An error of Node's own, which a test's realm does not know as an `Error`.
    await expect(flushDelivered({ db: nowhere, delivered: world.delivered }, [bucket])).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
    await nowhere.destroy()
    expect(await stored()).toBe(0)
    await flushDelivered(world.deps, [bucket])
    expect(await stored()).toBe(2)

    await delivered(socket, id, 3)
    const { positions: storing } = await world.delivered.unsaved([bucket], 10)
    expect(storing).toEqual([{ conversationId: id, userId: bob, seq: 3 }])
    await delivered(socket, id, 5)
    await world.delivered.noteSaved(storing)
    await flushDelivered(world.deps, [bucket])
    expect(await stored()).toBe(5)
    expect(await world.delivered.unsaved([bucket], 10)).toEqual({ positions: [], more: false })
  })

  test('goes to Postgres together with all others: one statement, and two round trips to Redis', async () => {
    const users = newUsers(6)
    await flushDelivered(world.deps)
    for (const [index, bob] of users.entries()) {
      const alice = users[(index + 1) % users.length] ?? ''
      const id = await openDirect(alice, bob)
      await sendMany(alice, id, 1)
      await delivered(await world.connect(bob), id, 1)
    }
    const counter = countingStatements(world.db)
    const writes = await redisWritesDuring(world.redis, async () => {
      expect(await flushDelivered({ ...world.deps, db: counter.db })).toBe(users.length)
    })
    expect(counter.statements).toBe(1)
    expect(writes).toHaveLength(2)
  })

  test('of several conversations passes over those that are not one’s own', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const [id, foreign] = [await openDirect(alice, bob), await openDirect(alice, world.newUser())]
    await sendMany(alice, id, 2)
    const socket = await world.connect(bob)
    const positions = [
      { conversationId: id, seq: 2 },
      { conversationId: foreign, seq: 1 },
    ]
    expect(await socket.send({ action: 'message.delivered', requestId: '1', data: { positions } })).toMatchObject({
      event: 'ack',
    })
    const { body } = await world.http<Conversation>(alice, `GET /conversations/${id}`)
    expect(body.participants.find(({ userId }) => userId === bob)?.lastDeliveredSeq).toBe(2)
  })
})

describe('the status of a message', () => {
  const statusOf = async (userId: string, id: string) =>
    (await world.http<MessagePage>(userId, `GET /conversations/${id}/messages`)).body.items.map(({ status }) => status)

  test('is sent, then delivered, then read, when all the others have it', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const id = await createGroup(alice, [bob, carol])
    const { id: messageId } = await send(alice, id, 'Hi')
    const [bobs, carols] = [await world.connect(bob), await world.connect(carol)]
    const receipts = async () =>
      Object.fromEntries(
        (
          await world.http<{ items: { userId: string; status: string }[] }>(
            alice,
            `GET /conversations/${id}/messages/${messageId}/receipts`,
          )
        ).body.items.map(({ userId, status }) => [userId, status]),
      )
    await delivered(bobs, id, 1)
    expect(await statusOf(alice, id)).toEqual(['sent'])
    expect(await receipts()).toEqual({ [bob]: 'delivered', [carol]: 'sent' })
    await delivered(carols, id, 1)
    expect(await statusOf(alice, id)).toEqual(['delivered'])
    await bobs.send({ action: 'message.read', data: { conversationId: id, seq: 1 } })
    expect(await statusOf(alice, id)).toEqual(['delivered'])
    await carols.send({ action: 'message.read', data: { conversationId: id, seq: 1 } })
    expect(await statusOf(alice, id)).toEqual(['read'])
    expect(await receipts()).toEqual({ [bob]: 'read', [carol]: 'read' })
    expect(await statusOf(bob, id)).toEqual([undefined])
  })

  test('is told to the others, at most once a second for each conversation and reader', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await sendMany(alice, id, 5)
    const [alices, bobs] = [await world.connect(alice), await world.connect(bob)]
    world.replays.takeAll()
    for (const seq of [1, 2, 3, 4]) await delivered(bobs, id, seq)
    expect(alices.events('message.delivered')).toEqual([{ conversationId: id, userId: bob, seq: 1 }])
    expect(world.receipts.jobs).toMatchObject([{ delaySeconds: 1 }])
    await world.redis.del(keys.announced(id, 'delivered', bob))
    await world.drain()
    expect(alices.events('message.delivered')).toEqual([
      { conversationId: id, userId: bob, seq: 1 },
      { conversationId: id, userId: bob, seq: 4 },
    ])
    expect(bobs.events('message.delivered')).toEqual([])
  })

  test('of a group is told to those who sent some of what was delivered, and to nobody else', async () => {
    const [alice = '', bob = '', carol = '', dave = ''] = newUsers(4)
    const id = await createGroup(alice, [bob, carol, dave])
    const sockets = {
      alice: await world.connect(alice),
      bob: await world.connect(bob),
      carol: await world.connect(carol),
      dave: await world.connect(dave),
    }
    const told = () =>
      Object.fromEntries(
        Object.entries(sockets).map(([name, socket]) => [
          name,
          socket.events('message.delivered').map(({ userId, seq }) => [userId, seq]),
        ]),
      )
    await send(alice, id, 'the first')
    await delivered(sockets.bob, id, 1)
    expect(told()).toEqual({ alice: [[bob, 1]], bob: [], carol: [], dave: [] })

    await send(carol, id, 'the second')
    await delivered(sockets.dave, id, 2)
    expect(told()).toEqual({
      alice: [
        [bob, 1],
        [dave, 2],
      ],
      bob: [],
      carol: [[dave, 2]],
      dave: [],
    })

    // Within the same second: by a job, which knows from where the position moved.
    world.receipts.takeAll()
    await delivered(sockets.bob, id, 2)
    await flushDelivered(world.deps, [bucketOf(bob)])
    await world.redis.del(keys.announced(id, 'delivered', bob))
    await world.drain()
    expect(told()).toMatchObject({
      carol: [
        [dave, 2],
        [bob, 2],
      ],
      dave: [],
    })
  })

  test.each([
    { sentBy: 'alice', isNoted: true, told: ['alice'], statements: 0 },
    { sentBy: 'alice', isNoted: false, told: ['alice'], statements: 1 },
    { sentBy: 'alice carol', isNoted: true, told: ['alice', 'carol'], statements: 1 },
    { sentBy: 'alice bob', isNoted: true, told: ['alice'], statements: 1 },
    { sentBy: 'bob', isNoted: true, told: [], statements: 0 },
    { sentBy: 'bob', isNoted: false, told: [], statements: 1 },
  ])('takes a look at the messages only where the newest sender does not say it all: %j', async given => {
    const users = { alice: world.newUser(), bob: world.newUser(), carol: world.newUser() }
    const id = await createGroup(users.alice, [users.bob, users.carol])
    const senders = given.sentBy.split(' ') as (keyof typeof users)[]
    for (const name of senders) await send(users[name], id, 'Told of?')
    if (!given.isNoted) {
      await world.db.updateTable('conversations').set({ last_sender_id: null }).where('id', '=', id).execute()
    }
    const standings = await findStandings(world.db, { id: users.bob }, [id])
    let statements = 0
    const counting = world.db.withPlugin({
      transformQuery: ({ node }) => {
        statements += 1
        return node
      },
      transformResult: async ({ result }) => result,
    })
    const moved = [...standings.values()].map(standing => ({
      standing,
      userId: users.bob,
      above: 0,
      seq: senders.length,
    }))
    const told = [...new Set((await audiencesOf(counting, moved)).flat())]
    expect(told.toSorted()).toEqual(given.told.map(name => users[name as keyof typeof users]).toSorted())
    expect(statements).toBe(given.statements)
  })

  test('of a user who holds only what they sent themselves is told to nobody', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const [alices, bobs] = [await world.connect(alice), await world.connect(bob)]
    await send(alice, id, 'Hi')
    await delivered(alices, id, 1)
    expect(bobs.events('message.delivered')).toEqual([])
    expect(world.receipts.jobs).toEqual([])
    // Nor does that hold up what is to be told within the same second.
    await send(bob, id, 'Hello')
    await delivered(alices, id, 2)
    expect(bobs.events('message.delivered')).toEqual([{ conversationId: id, userId: alice, seq: 2 }])

    // Postgres does not know yet that she has Bob's message; Redis does.
    await send(alice, id, 'How are you?')
    await world.redis.del(keys.announced(id, 'delivered', alice))
    await delivered(alices, id, 3)
    await world.drain()
    expect(bobs.events('message.delivered')).toEqual([{ conversationId: id, userId: alice, seq: 2 }])
  })

  test('that passes very many messages at once is told to everybody, without a look at who sent them', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const id = await createGroup(alice, [bob, carol])
    await sendMany(alice, id, 101)
    const [bobs, carols] = [await world.connect(bob), await world.connect(carol)]
    world.replays.takeAll()
    await delivered(bobs, id, 101)
    expect(carols.events('message.delivered')).toEqual([{ conversationId: id, userId: bob, seq: 101 }])
  })
})

describe('a read position', () => {
  const read = (userId: string, id: string, body?: object) =>
    world.http(userId, `PUT /conversations/${id}/read`, body ? { body } : {})

  test('counts by position: after the 4th of 6 messages 2 are unread', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await sendMany(alice, id, 6)
    const socket = await world.connect(bob)
    const other = await world.connect(bob)
    const alices = await world.connect(alice)
    expect(
      await socket.send({ action: 'message.read', requestId: '1', data: { conversationId: id, seq: 4 } }),
    ).toMatchObject({ data: { unreadCount: 2 } })
    expect(alices.events('message.read')).toEqual([{ conversationId: id, userId: bob, seq: 4 }])
    expect(other.events('message.read')).toEqual([{ conversationId: id, userId: bob, seq: 4 }])
    const counts = await world.http(bob, `GET /conversations/${id}/unread-count`)
    expect(counts.body).toEqual({ conversationId: id, unreadCount: 2 })
  })

  test('never moves backwards, nor past the newest message, nor onto a message of another conversation', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const [id, elsewhere] = [await openDirect(alice, bob), await createGroup(alice, [bob])]
    await sendMany(alice, id, 6)
    const foreign = await send(alice, elsewhere, 'Elsewhere')
    expect((await read(bob, id, { seq: 4 })).body).toEqual({ lastReadSeq: 4, unreadCount: 2 })
    expect((await read(bob, id, { seq: 2 })).body).toEqual({ lastReadSeq: 4, unreadCount: 2 })
    expect(await read(bob, id, { messageId: foreign.id })).toMatchObject({ status: 404 })
    expect((await read(bob, id, { seq: 99 })).body).toEqual({ lastReadSeq: 6, unreadCount: 0 })
    await send(alice, id, 'Seven')
    expect((await read(bob, id)).body).toEqual({ lastReadSeq: 7, unreadCount: 0 })
    expect(await read(bob, id, { seq: 1, messageId: foreign.id })).toMatchObject({ status: 400 })
  })

  test('by message is that message’s', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    await sendMany(alice, id, 2)
    const third = await send(alice, id, 'Third')
    await send(alice, id, 'Fourth')
    expect((await read(bob, id, { messageId: third.id })).body).toEqual({ lastReadSeq: 3, unreadCount: 1 })
  })

  test('moves everywhere with mark-all-read', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const ids = [await openDirect(alice, bob), await createGroup(alice, [bob]), await createGroup(alice, [bob])]
    for (const id of ids.slice(0, 2)) await sendMany(alice, id, 2)
    const counts = await world.http(bob, 'GET /notifications/unread-counts')
    expect(counts.body).toEqual({ total: 4, conversations: { [ids[0] ?? '']: 2, [ids[1] ?? '']: 2 } })
    expect((await world.http(bob, 'PUT /notifications/mark-all-read')).body).toEqual({ marked: 2 })
    expect((await world.http(bob, 'GET /notifications/unread-counts')).body).toEqual({ total: 0, conversations: {} })
    expect((await world.http(bob, 'PUT /notifications/mark-all-read')).body).toEqual({ marked: 0 })
  })

  test('of several conversations is answered with what is left in each', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const [one, two] = [await openDirect(alice, bob), await createGroup(alice, [bob])]
    await sendMany(alice, one, 3)
    await sendMany(alice, two, 3)
    const socket = await world.connect(bob)
    const positions = [
      { conversationId: one, seq: 1 },
      { conversationId: two, seq: 3 },
    ]
    const answer = await socket.send({ action: 'message.read', requestId: '1', data: { positions } })
    expect(answer.data).toEqual({ unread: { [one]: 2, [two]: 0 } })
  })
})

describe('sync over the socket', () => {
  const sync = (socket: Socket, conversations: object[], requestId = 's') =>
    socket.send({ action: 'sync', requestId, data: { conversations } })

  test('brings exactly what the device lacks, says through where, and asks to come again for more', async () => {
    const [alice = '', bob = '', eve = ''] = newUsers(3)
    const [small, large, done] = [
      await openDirect(alice, bob),
      await createGroup(alice, [bob]),
      await createGroup(alice, [bob]),
    ]
    const foreign = await openDirect(alice, eve)
    await world.storeMessages(alice, small, 10)
    await world.storeMessages(alice, large, 200)
    await world.storeMessages(alice, done, 2)
    const socket = await world.connect(bob, { replay: 'none' })
    await world.drain()
    const asked = [
      { id: small, afterSeq: 7 },
      { id: large, afterSeq: 0 },
      { id: done, afterSeq: 2 },
      { id: foreign, afterSeq: 0 },
    ]
    expect(await sync(socket, asked)).toEqual({ event: 'ack', requestId: 's', data: { accepted: true } })
    await world.drain()
    expect(replayedSeqs(socket, small)).toEqual([8, 9, 10])
    expect(replayedSeqs(socket, large)).toEqual(range(1, 120))
    expect(socket.events('sync.completed')).toEqual([
      {
        requestId: 's',
        conversations: [
          { id: small, throughSeq: 10, hasMore: false },
          { id: large, throughSeq: 120, hasMore: true },
          { id: done, throughSeq: 2, hasMore: false },
        ],
      },
    ])
  })

  test('runs one at a time for a socket, ten a minute', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const socket = await world.connect(bob)
    await world.drain()
    await sync(socket, [{ id, afterSeq: 0 }])
    expect(await sync(socket, [{ id, afterSeq: 0 }])).toMatchObject({ error: { code: 'sync_in_progress' } })
    await world.drain()
    for (let asked = 3; asked <= 10; asked += 1) {
      expect(await sync(socket, [{ id, afterSeq: 0 }])).toMatchObject({ data: { accepted: true } })
      await world.drain()
    }
    expect(await sync(socket, [{ id, afterSeq: 0 }])).toMatchObject({
      error: { code: 'rate_limited', status: 429, retryAfterSeconds: expect.any(Number) },
    })
  })
})

describe('a connection that is to end', () => {
  test('is closed by the sweep when its token has run out or its two hours are over', async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const short = await world.connect(alice, { expiresAt: new Date(world.clock.now().getTime() + 60_000) })
    const old = await world.connect(bob, { connectedAt: world.clock.now().getTime() - 2 * 60 * 60_000 + 60_000 })
    const fresh = await world.connect(bob)
    world.replays.takeAll()
    await world.sweep('connections')
    expect(world.push.closed).not.toContain(short.connectionId)
    world.clock.advance(61_000)
    await world.sweep('connections')
    world.clock.advance(-61_000)
    expect(world.push.closed).toEqual(expect.arrayContaining([short.connectionId, old.connectionId]))
    expect(world.push.closed).not.toContain(fresh.connectionId)
    expect((await world.switchboard.connectionsOf([alice, bob])).map(({ id }) => id)).toEqual([fresh.connectionId])
  })

  test('is told so by its next frame, and closed', async () => {
    const alice = world.newUser()
    const socket = await world.connect(alice, { expiresAt: new Date(world.clock.now().getTime() - 1_000) })
    world.replays.takeAll()
    expect(await socket.send({ action: 'ping', requestId: '1', data: {} })).toEqual({})
    expect(socket.events('error')).toHaveLength(1)
    expect(world.push.closed).toContain(socket.connectionId)
    const silent = await world.connect(alice, { expiresAt: new Date(world.clock.now().getTime() - 1_000) })
    world.replays.takeAll()
    await silent.send({ action: 'heartbeat' })
    await world.drain()
    expect(silent.events('error')).toHaveLength(1)
    expect(world.push.closed).toContain(silent.connectionId)
  })
})

test('every key in Redis has a TTL once the sweep has looked', async () => {
  for (const task of ['positions', 'pending', 'connections', 'presence'] as const) await world.sweep(task)
  const [node] = world.redis.nodes('master')
  const found = (await node?.keys(`${world.keyPrefix}*`)) ?? []
  expect(found.length).toBeGreaterThan(0)
  const lives = await Promise.all(found.map(async key => [key, await node?.ttl(key)] as const))
  expect(lives.filter(([, seconds]) => seconds === -1)).toEqual([])
})
