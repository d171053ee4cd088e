import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { neverOpen, newBusiness, type TestBusiness } from '../support/business.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'
import { openWorld, type Socket, type World } from '../support/world.ts'

// Of its own: a sweep at another time would take conversations from the agents of other tests.
let own: OwnDatabase
let world: World
beforeAll(async () => {
  own = await createOwnDatabase()
  world = await openWorld({}, { databaseUrl: own.url })
}, 60_000)
afterAll(async () => {
  await world.close()
  await own.close()
})

type Strategy = 'round_robin' | 'least_busy'

interface ModelAgent {
  id: string
  /** They are one now. */
  isAgent: boolean
  isSkilled: boolean
  isOnline: boolean
  isAvailable: boolean
  limit: number
  /** The number of their last assignment. */
  last: number
}

interface ModelChat {
  id: string
  customer: string
  status: 'queued' | 'assigned' | 'closed'
  agent: string | null
  /** The agent is still in it: who is removed has left what is closed, too. */
  isPresent: boolean
  isAnswered: boolean
  needsSkill: boolean
  priority: number
  /** Places in the queue are given in this order within a priority. */
  order: number
}

/** So that there is a queue, mostly. */
const firstLimit = 1
/** As whom somebody begins. */
const newAgent = { isAgent: true, isSkilled: false, isAvailable: true, limit: 5, last: 0 }

/** What a business should do, as simply as it can be said. */
class Model {
  readonly strategy: Strategy
  readonly agents: ModelAgent[]
  readonly chats: ModelChat[] = []
  isOpen = true
  #count = 0
  #order = 0

  constructor(strategy: Strategy, agentIds: readonly string[]) {
    this.strategy = strategy
    this.agents = agentIds.map(id => ({ id, isOnline: false, ...newAgent, limit: firstLimit }))
  }

  load(agent: ModelAgent): number {
    return this.chats.filter(chat => chat.status === 'assigned' && chat.agent === agent.id).length
  }

  /** By hand a business also gives out of hours. */
  canTakeByHand(agent: ModelAgent): boolean {
    return agent.isAgent && agent.isOnline && agent.isAvailable && this.load(agent) < agent.limit
  }

  canTake(agent: ModelAgent): boolean {
    return this.isOpen && this.canTakeByHand(agent)
  }

  give(chat: ModelChat, agent: ModelAgent): void {
    this.#count += 1
    agent.last = this.#count
    Object.assign(chat, { status: 'assigned', agent: agent.id, isPresent: true, isAnswered: false })
  }

  queue(chat: ModelChat, atTheEnd: boolean): void {
    if (atTheEnd) {
      this.#order += 1
      chat.order = this.#order
    }
    Object.assign(chat, { status: 'queued', agent: null, isPresent: false, isAnswered: false })
  }

  /** Of those of these who can take it, whose turn it is. */
  chooseFrom(agents: readonly ModelAgent[], chat: ModelChat): ModelAgent | undefined {
    const bySkill = (one: ModelAgent, other: ModelAgent): number =>
      chat.needsSkill ? Number(other.isSkilled) - Number(one.isSkilled) : 0
    const byLoad = (one: ModelAgent, other: ModelAgent): number =>
      this.strategy === 'least_busy' ? this.load(one) - this.load(other) : 0
    return agents
      .filter(each => this.canTake(each))
      .toSorted(
        (one, other) =>
          bySkill(one, other) || byLoad(one, other) || one.last - other.last || (one.id < other.id ? -1 : 1),
      )[0]
  }

  waiting(): ModelChat[] {
    return this.chats
      .filter(({ status }) => status === 'queued')
      .toSorted((one, other) => one.priority - other.priority || one.order - other.order)
  }

  drain(except?: ModelChat): void {
    for (;;) {
      const next = this.waiting().find(each => each !== except)
      const taker = next && this.chooseFrom(this.agents, next)
      if (!next || !taker) return
      this.give(next, taker)
    }
  }

  remove(agent: ModelAgent): void {
    for (const chat of this.chats.filter(({ agent: id }) => id === agent.id)) {
      if (chat.status === 'assigned') this.queue(chat, false)
      chat.isPresent = false
    }
    agent.isAgent = false
  }
}

type Step =
  | { kind: 'open'; priority: number; needsSkill: boolean }
  | { kind: 'close' | 'write' | 'answer' | 'reopen' | 'reassign'; chat: number }
  | { kind: 'available'; agent: number; to: boolean }
  | { kind: 'presence'; agent: number; to: boolean }
  | { kind: 'assign' | 'handOver'; chat: number; agent: number }
  | { kind: 'member'; agent: number }
  | { kind: 'limit'; agent: number; to: number; isSkilled: boolean }
  | { kind: 'hours'; to: boolean }
  | { kind: 'wait' }

const agentCount = 3
const priorities = ['urgent', 'high', 'normal', 'low']
const agent = fc.nat({ max: agentCount - 1 })
const chat = fc.nat({ max: 11 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      priority: fc.nat({ max: 3 }),
      needsSkill: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('close' as const), chat }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('write' as const, 'answer' as const, 'reopen' as const), chat }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reassign' as const), chat }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('available' as const), agent, to: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('presence' as const), agent, to: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('limit' as const),
      agent,
      to: fc.integer({ min: 1, max: 3 }),
      isSkilled: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('assign' as const, 'handOver' as const), chat, agent }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('member' as const), agent }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hours' as const), to: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const) }) },
)

/** Takes steps in the world and in the model at the same time. */
class Run {
  readonly business: TestBusiness
  readonly model: Model
  readonly sockets = new Map<string, Socket>()

  constructor(business: TestBusiness, model: Model) {
    this.business = business
    this.model = model
  }

  /** Time goes on; whoever is there says so, as clients do. */
  async pass(milliseconds: number): Promise<void> {
    world.clock.advance(milliseconds)
    for (const socket of this.sockets.values()) await socket.send({ action: 'heartbeat', data: {} })
    world.replays.takeAll()
  }

  #pick(index: number): ModelChat | undefined {
    return this.model.chats[index % Math.max(1, this.model.chats.length)]
  }

  #agent(index: number): ModelAgent {
    return this.model.agents[index] as ModelAgent
  }

  async #request(status: number, answer: Promise<{ status: number; body: unknown }>): Promise<void> {
    const { status: actual, body } = await answer
    expect({ status: actual, body }).toMatchObject({ status })
  }

  /** False when it is refused: then nothing has changed, and nothing is given out. */
  async #giveByHand(kind: 'assign' | 'handOver', found: ModelChat, to: ModelAgent): Promise<boolean> {
    const path = `/business/conversations/${found.id}/${kind === 'assign' ? 'assign' : 'reassign'}`
    const isTheirs = found.agent === to.id
    const isWrong = found.status === 'closed' || (kind === 'assign' && found.agent !== null && !isTheirs)
    const refusal = to.isAgent ? 409 : 404
    const isRefused = !isTheirs && !this.model.canTakeByHand(to)
    const status = isWrong ? 409 : isRefused ? refusal : 200
    await this.#request(status, this.business.manage(`POST ${path}`, { agentId: to.id }))
    if (status === 200 && !isTheirs) this.model.give(found, to)
    return status === 200
  }

  #reopenModel(found: ModelChat): void {
    this.model.drain()
    const former = this.model.agents.find(({ id }) => id === found.agent)
    const isTaken = former !== undefined && this.model.canTake(former)
    this.model.queue(found, true)
    if (former && isTaken) this.model.give(found, former)
  }

  async take(taken: Step): Promise<void> {
    const { model, business } = this
    const path = `/business/${business.id}`
    // Each moment is another millisecond, so that the order of the queue is the order of steps.
    await this.pass(2)
    switch (taken.kind) {
      case 'open': {
        const customer = world.newUser()
        const { priority, needsSkill } = taken
        const category = needsSkill ? { category: 'Billing' } : {}
        const { status, body } = await business.open(customer, { priority: priorities[priority], ...category })
        expect(status).toBe(201)
        const opened: ModelChat = {
          id: body.id,
          customer,
          status: 'queued',
          agent: null,
          isPresent: false,
          isAnswered: false,
          needsSkill,
          priority,
          order: 0,
        }
        model.chats.push(opened)
        model.queue(opened, true)
        break
      }
      case 'close': {
        const found = this.#pick(taken.chat)
        if (!found) return
        await this.#request(200, business.close(found.id))
        found.status = 'closed'
        break
      }
      case 'write': {
        const found = this.#pick(taken.chat)
        if (!found) return
        const body = { content: 'A question' }
        await this.#request(201, world.http(found.customer, `POST /conversations/${found.id}/messages`, { body }))
        // Only an opening looks at the queue; a message does not.
        if (found.status !== 'closed') return
        this.#reopenModel(found)
        break
      }
      case 'reopen': {
        const found = this.#pick(taken.chat)
        if (!found) return
        await this.#request(200, business.manage(`POST /business/conversations/${found.id}/reopen`))
        if (found.status === 'closed') this.#reopenModel(found)
        break
      }
      case 'answer': {
        const found = this.#pick(taken.chat)
        if (found?.status !== 'assigned' || found.agent === null) return
        const body = { content: 'An answer' }
        await this.#request(201, world.http(found.agent, `POST /conversations/${found.id}/messages`, { body }))
        found.isAnswered = true
        return
      }
      case 'reassign': {
        const found = this.#pick(taken.chat)
        if (found?.status !== 'assigned') return
        await this.#request(200, business.manage(`POST /business/conversations/${found.id}/reassign`))
        const formerId = found.agent
        model.queue(found, false)
        const taker = model.chooseFrom(
          model.agents.filter(({ id }) => id !== formerId),
          found,
        )
        if (taker) model.give(found, taker)
        // Who had it gets the next in the queue, but not the same again.
        model.drain(taker ? undefined : found)
        return
      }
      case 'assign':
      case 'handOver': {
        const found = this.#pick(taken.chat)
        if (!found) return
        if (await this.#giveByHand(taken.kind, found, this.#agent(taken.agent))) break
        return
      }
      case 'member': {
        const found = this.#agent(taken.agent)
        const method = found.isAgent ? 'DELETE' : 'POST'
        await this.#request(found.isAgent ? 204 : 201, business.manage(`${method} ${path}/agents/${found.id}`))
        if (found.isAgent) model.remove(found)
        else Object.assign(found, newAgent)
        break
      }
      case 'available': {
        const found = this.#agent(taken.agent)
        if (!found.isAgent) return
        const body = { isAvailable: taken.to }
        await this.#request(200, world.http(found.id, `PUT ${path}/agents/${found.id}/availability`, { body }))
        found.isAvailable = taken.to
        break
      }
      case 'limit': {
        const found = this.#agent(taken.agent)
        const body = { maxConcurrentChats: taken.to, skills: taken.isSkilled ? ['billing'] : [] }
        await this.#request(
          found.isAgent ? 200 : 404,
          business.manage(`PUT ${path}/agents/${found.id}/configure`, body),
        )
        if (!found.isAgent) return
        Object.assign(found, { limit: taken.to, isSkilled: taken.isSkilled })
        break
      }
      case 'hours':
        await business.setHours({ ...neverOpen, enforced: !taken.to })
        model.isOpen = taken.to
        break
      case 'presence': {
        const found = this.#agent(taken.agent)
        if (taken.to === found.isOnline) return
        const socket = this.sockets.get(found.id)
        if (taken.to) {
          this.sockets.set(found.id, await world.connect(found.id))
          await world.drain()
        } else {
          await socket?.close()
          this.sockets.delete(found.id)
          await this.pass(6_000)
        }
        found.isOnline = taken.to
        if (!taken.to || !found.isAgent || !found.isAvailable) return
        break
      }
      case 'wait': {
        await this.pass(130_000)
        await world.sweep('business')
        for (const found of model.chats) {
          const holder = model.agents.find(({ id }) => id === found.agent)
          if (found.status === 'assigned' && !found.isAnswered && !holder?.isOnline) model.queue(found, false)
        }
        break
      }
    }
    model.drain()
  }

  async check(): Promise<void> {
    const { model, business } = this
    const stored = await world.db
      .selectFrom('business_conversations')
      .select(['conversation_id', 'status', 'agent_id'])
      .where('business_id', '=', business.id)
      .execute()
    const byId = new Map(stored.map(row => [row.conversation_id, { status: row.status, agent: row.agent_id }]))
    const expected = new Map(model.chats.map(({ id, status, agent: holder }) => [id, { status, agent: holder }]))
    expect(byId).toEqual(expected)
    const participants = await world.db
      .selectFrom('participants')
      .innerJoin('business_conversations as c', 'c.conversation_id', 'participants.conversation_id')
      .select(['participants.conversation_id', 'user_id', 'role'])
      .where('c.business_id', '=', business.id)
      .where('left_at', 'is', null)
      .execute()
    for (const { id, customer, agent: holder, isPresent } of model.chats) {
      const present = participants.filter(row => row.conversation_id === id)
      expect(present.filter(({ role }) => role === 'customer').map(({ user_id }) => user_id)).toEqual([customer])
      expect(present.filter(({ role }) => role === 'agent').map(({ user_id }) => user_id)).toEqual(
        holder !== null && isPresent ? [holder] : [],
      )
    }
  }

  /** At the end: who has a conversation reads it, nobody else of the agents does; the inbox is in order. */
  async checkPermissions(): Promise<void> {
    for (const found of this.model.chats) {
      for (const { id } of this.model.agents) {
        const { status } = await world.http(id, `GET /conversations/${found.id}/messages`)
        expect(status).toBe(found.agent === id && found.isPresent ? 200 : 404)
      }
    }
    const waiting = this.model.waiting()
    expect((await this.business.inbox('?status=queued&limit=100')).map(({ id }) => id)).toEqual(
      waiting.map(({ id }) => id),
    )
  }
}

test('whatever happens, conversations are where a simple model says', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Strategy>('round_robin', 'least_busy'),
      fc.array(step, { minLength: 10, maxLength: 40 }),
      async (strategy, steps) => {
        const business = newBusiness(world)
        await business.manage(`PUT /business/${business.id}/settings`, { strategy })
        const agentIds: string[] = []
        for (let n = 0; n < agentCount; n += 1)
          agentIds.push((await business.addAgent({ limit: firstLimit, offline: true })).id)
        const run = new Run(business, new Model(strategy, agentIds))
        for (const taken of steps) {
          await run.take(taken)
          await run.check()
        }
        await run.checkPermissions()
        for (const socket of run.sockets.values()) await socket.close()
        world.replays.takeAll()
      },
    ),
    { numRuns: 20, interruptAfterTimeLimit: 120_000 },
  )
}, 180_000)
