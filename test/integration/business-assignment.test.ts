import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { sql } from 'kysely'
import { type GivenOut, historyOf, keepHistory, replayHistory } from '../support/assignment-history.ts'
import { newBusiness, type TestBusiness } from '../support/business.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'
import { openWorld, type Socket, type World } from '../support/world.ts'

/** Several worlds on the same stores have several pools, as several functions have: what holds between them, Postgres holds. */
const worldCount = 4

let own: OwnDatabase
let worlds: World[] = []
let world: World
beforeAll(async () => {
  own = await createOwnDatabase()
  await keepHistory(own.db)
  const options = { databaseUrl: own.url, poolSize: 12 }
  world = await openWorld({}, options)
  const others = Array.from({ length: worldCount - 1 }, () => openWorld({}, { ...options, keyPrefix: world.keyPrefix }))
  worlds = [world, ...(await Promise.all(others))]
}, 60_000)
afterEach(() => clearInterval(heartbeats))
afterAll(async () => {
  await Promise.all(worlds.map(each => each.close()))
  await own.close()
})

/** The agents of a test stay online, however long it takes. */
let heartbeats: NodeJS.Timeout
const stayOnline = (sockets: readonly Socket[]): void => {
  heartbeats = setInterval(() => {
    for (const socket of sockets) void socket.send({ action: 'heartbeat', data: {} })
  }, 5_000)
}

type Strategy = 'round_robin' | 'least_busy'

const businessWith = async (strategy: Strategy, agents: { count: number; limit: number }) => {
  const business = newBusiness(world)
  await business.manage(`PUT /business/${business.id}/settings`, { strategy })
  const agentIds: string[] = []
  const sockets: Socket[] = []
  for (let n = 0; n < agents.count; n += 1) {
    const { id, socket } = await business.addAgent({ limit: agents.limit })
    agentIds.push(id)
    if (socket) sockets.push(socket)
  }
  stayOnline(sockets)
  return { business, agentIds }
}

/** The same business for the requests of each world in turn. */
const fromAnyWorld = (business: TestBusiness) => {
  const views = worlds.map(each => newBusiness(each, business))
  let turn = 0
  return (): TestBusiness => {
    turn += 1
    return views[turn % views.length] as TestBusiness
  }
}

const opened = async (business: TestBusiness, customer: string): Promise<string> => {
  const { status, body } = await business.open(customer)
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body.id
}

/** On a slow machine Redis may not say in time who is online: then a conversation waits, and the sweep gives it out. */
const untilAssigned = async (id: string): Promise<void> => {
  const isQueued = async () => {
    const { rows } = await sql<{ status: string }>`
      select status from business_conversations where conversation_id = ${id}`.execute(own.db)
    return rows[0]?.status === 'queued'
  }
  for (let looks = 0; looks < 50 && (await isQueued()); looks += 1) await world.sweep('business')
}

/** Each went to an agent below the limit: who had the fewest of them, or had been longest without a new one. */
const expectFair = (given: readonly GivenOut[], strategy: Strategy, limit: number): void => {
  const newest = new Map<string, number>()
  for (const [number, { agentId, loads }] of given.entries()) {
    const able = [...loads].filter(([, load]) => load < limit).map(([id]) => id)
    expect(able).toContain(agentId)
    const rank = (id: string) => (strategy === 'least_busy' ? loads.get(id) : newest.get(id)) ?? -1
    expect(rank(agentId)).toBe(Math.min(...able.map(rank)))
    newest.set(agentId, number)
  }
}

describe.each(['round_robin', 'least_busy'] as const)('with %s', strategy => {
  test('200 customers at once and 10 agents with a limit of 5: 50 are assigned, 5 to each, and 150 wait their turn', async () => {
    const { business, agentIds } = await businessWith(strategy, { count: 10, limit: 5 })
    const any = fromAnyWorld(business)
    await Promise.all(Array.from({ length: 200 }, () => opened(any(), world.newUser())))
    const atFirst = replayHistory(await historyOf(own.db, business.id), agentIds)
    expect([...atFirst.loads.values()]).toEqual(Array(10).fill(5))
    expect(atFirst.given).toHaveLength(50)
    expect(atFirst.mostEver).toBe(5)
    const waiting = (
      await own.db
        .selectFrom('business_conversations')
        .select('conversation_id')
        .where('business_id', '=', business.id)
        .where('status', '=', 'queued')
        .orderBy('queued_at')
        .orderBy('conversation_id')
        .execute()
    ).map(row => row.conversation_id)
    expect(waiting).toHaveLength(150)

    const closing = atFirst.given.map(({ conversationId }) => conversationId)
    for (const id of [...closing, ...waiting]) expect((await any().close(id)).status).toBe(200)
    const all = replayHistory(await historyOf(own.db, business.id), agentIds)
    expect(all.given.slice(50).map(({ conversationId }) => conversationId)).toEqual(waiting)
    expect(all.mostEver).toBe(5)
    expectFair(all.given, strategy, 5)
    expect([...all.loads.values()]).toEqual(Array(10).fill(0))
  }, 90_000)

  test('places that become free at the same time are each used once', async () => {
    const { business, agentIds } = await businessWith(strategy, { count: 3, limit: 3 })
    const any = fromAnyWorld(business)
    for (let n = 0; n < 30; n += 1) await opened(any(), world.newUser())
    for (let round = 0; round < 4; round += 1) {
      const open = await business.inbox('?status=assigned')
      await Promise.all(open.map(({ id }) => any().close(id)))
    }
    const { mostEver, given, loads } = replayHistory(await historyOf(own.db, business.id), agentIds)
    expect(mostEver).toBe(3)
    expect(given).toHaveLength(30)
    expectFair(given, strategy, 3)
    expect([...loads.values()]).toEqual([0, 0, 0])
  }, 60_000)
})

test('round robin gives 1,000 chats that open and close at the same time to 5 agents alike', async () => {
  const { business, agentIds } = await businessWith('round_robin', { count: 5, limit: 20 })
  const any = fromAnyWorld(business)
  let left = 1_000
  const customer = async () => {
    while (left > 0) {
      left -= 1
      const id = await opened(any(), world.newUser())
      await untilAssigned(id)
      await any().close(id)
    }
  }
  await Promise.all(Array.from({ length: 20 }, customer))
  const { given } = replayHistory(await historyOf(own.db, business.id), agentIds)
  expect(given).toHaveLength(1_000)
  expectFair(given, 'round_robin', 20)
  for (const agentId of agentIds) {
    const count = given.filter(each => each.agentId === agentId).length
    expect(Math.abs(count - 200)).toBeLessThanOrEqual(1)
  }
}, 180_000)

test('least busy gives every chat to somebody who had the fewest at that moment', async () => {
  const { business, agentIds } = await businessWith('least_busy', { count: 5, limit: 6 })
  const any = fromAnyWorld(business)
  const customer = async (patience: number) => {
    const open: string[] = []
    for (let n = 0; n < 15; n += 1) {
      open.push(await opened(any(), world.newUser()))
      if (open.length > patience) await any().close(open.splice(n % open.length, 1)[0] ?? '')
    }
  }
  await Promise.all([0, 1, 2, 3, 4, 5, 3, 1].map(customer))
  const { given, mostEver } = replayHistory(await historyOf(own.db, business.id), agentIds)
  expect(given.length).toBeGreaterThan(90)
  expect(mostEver).toBeLessThanOrEqual(6)
  expectFair(given, 'least_busy', 6)
}, 60_000)
