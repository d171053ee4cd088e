import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { until } from '../local/stores/until.ts'
import { type ModelClient, modelClient } from '../support/faults-client.ts'
import type { RedisProxy } from '../support/faults-redis-proxy.ts'
import {
  type FaultStack,
  periods,
  repairedWithinMs,
  startProxiedStack,
  testTimeoutMs,
} from '../support/faults-stack.ts'
import { createGroup, newUsers, numbers, openDirect, sendOverHttp, storedIn } from '../support/faults-traffic.ts'

let stack: FaultStack & { proxy: RedisProxy }
let clients: ModelClient[] = []
beforeAll(async () => {
  stack = await startProxiedStack()
}, 60_000)
afterEach(() => {
  for (const client of clients) client.stop()
  clients = []
})
afterAll(() => stack?.stop())

/** A client that is connected and has had its `session.ready`. */
const connect = async (userId: string): Promise<ModelClient> => {
  const client = modelClient(stack, userId)
  clients.push(client)
  await client.start()
  await until('the session is ready', () => client.events('session.ready').length > 0, repairedWithinMs)
  return client
}

/** While the work runs, pushes are answered 200 and lead nowhere. */
const swallowing = async (work: () => Promise<unknown>): Promise<void> => {
  stack.host.gateway.faults.swallowedPosts = 1
  try {
    await work()
  } finally {
    stack.host.gateway.faults.swallowedPosts = 0
  }
}

const untilHeld = (client: ModelClient, conversationId: string, seq: number): Promise<void> =>
  until(`${seq} has come`, () => client.holds(conversationId, seq), repairedWithinMs)

test(
  'a message whose push was answered 200 and never arrived comes again by itself',
  async () => {
    const [alice = '', bob = '', carol = '', dave = ''] = newUsers(4)
    const [direct, group] = [await openDirect(alice, bob), await createGroup(alice, [bob, carol, dave])]
    const recipients = await Promise.all([bob, carol, dave].map(connect))
    const [bobs] = recipients
    await swallowing(async () => {
      expect((await sendOverHttp(alice, direct, 'Into the void')).status).toBe(201)
      expect((await sendOverHttp(alice, group, 'Into the void, all of you')).status).toBe(201)
    })
    for (const client of recipients) expect(client.sights).toEqual([])
    await Promise.all(recipients.map(client => untilHeld(client, group, 1)))
    if (bobs) await untilHeld(bobs, direct, 1)
    for (const client of recipients) {
      expect(client.connections).toBe(1)
      expect(client.sights.every(({ replayed }) => replayed)).toBe(true)
    }
  },
  testTimeoutMs(1),
)

test(
  'a message comes again as long as nobody acknowledges it, and never after that',
  async () => {
    const [alice = '', bob = ''] = newUsers(2)
    const id = await openDirect(alice, bob)
    const bobs = await connect(bob)
    bobs.acknowledges = false
    await sendOverHttp(alice, id, 'Seen, but not acknowledged')
    await until('it has come twice', () => bobs.sights.length === 2, repairedWithinMs)
    bobs.acknowledges = true
    await until('it is acknowledged', () => bobs.acknowledged(id) === 1)
    const times = bobs.sights.length
    await new Promise(resolve => setTimeout(resolve, (periods.repairAfter + 2 * periods.sweep + 1) * 1_000))
    expect(bobs.sights).toHaveLength(times)
    expect(bobs.firstSights(id)).toEqual([1])
  },
  testTimeoutMs(2),
)

test(
  'a message that was committed by a function which died before its push reaches everybody all the same',
  async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const [direct, group] = [await openDirect(alice, bob), await createGroup(alice, [bob, carol])]
    const [alices, bobs, carols] = [await connect(alice), await connect(bob), await connect(carol)]
    for (const id of [direct, group]) {
      const before = bobs.sights.length
      const died = new Promise<void>((resolve, reject) => {
        stack.proxy.swallows = bytes => {
          const isRouting = ['hsetnx', `pending:{${bob}}`, id].every(part => bytes.includes(part))
          if (isRouting) {
            stack.proxy.swallows = () => false
            stack.host.functions.kill('MessageFunction').then(resolve, reject)
          }
          return isRouting
        }
      })
      alices.ask('message.send', { conversationId: id, content: 'My last words' }).catch(() => {})
      await died
      expect(await storedIn(stack, id)).toMatchObject([{ seq: 1, content: 'My last words' }])
      expect(bobs.sights).toHaveLength(before)
      await untilHeld(bobs, id, 1)
      expect(bobs.sights.at(-1)).toMatchObject({ conversationId: id, replayed: true, connection: 1 })
    }
    await untilHeld(carols, group, 1)
    await until('Alice is told by an error frame of the gateway', () =>
      alices.frames.some(frame => 'message' in frame && frame.message === 'Internal server error'),
    )
  },
  testTimeoutMs(3),
)

test(
  'a client that holds 5 and 7 acknowledges 5, and 6 comes again',
  async () => {
    const [alice = '', bob = '', carol = '', dave = ''] = newUsers(4)
    const conversations = [await openDirect(alice, bob), await createGroup(carol, [alice, dave])]
    const [bobs, daves] = [await connect(bob), await connect(dave)]
    const readers = [
      { id: conversations[0] ?? '', reader: bobs },
      { id: conversations[1] ?? '', reader: daves },
    ]
    for (const { id } of readers) for (const number of numbers(1, 5)) await sendOverHttp(alice, id, `No. ${number}`)
    await swallowing(() => Promise.all(readers.map(({ id }) => sendOverHttp(alice, id, 'No. 6'))))
    await Promise.all(readers.map(({ id }) => sendOverHttp(alice, id, 'No. 7')))
    for (const { id, reader } of readers) expect(reader.firstSights(id)).toEqual([1, 2, 3, 4, 5, 7])
    await Promise.all(
      readers.map(async ({ id, reader }) => {
        await until('5 is acknowledged', () => reader.acknowledged(id) === 5)
        await untilHeld(reader, id, 7)
        expect(reader.firstSights(id)).toEqual([1, 2, 3, 4, 5, 7, 6])
        expect(reader.sights.filter(({ replayed }) => replayed).every(({ seq }) => seq > 5)).toBe(true)
        await until('7 is acknowledged', () => reader.acknowledged(id) === 7)
      }),
    )
  },
  testTimeoutMs(1),
)
