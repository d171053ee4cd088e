import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { until } from '../local/stores/until.ts'
import type { ModelClient } from '../support/faults-client.ts'
import { atDefaults, periods, report, testTimeoutMs } from '../support/faults-stack.ts'
import { createGroup, newUsers, numbers, openDirect, sendOverHttp } from '../support/faults-traffic.ts'
import { clientOf, connect, stack } from './running-stack.ts'

const offlineAfterMs = periods.offlineAfter * 1_000
/** Others are told by then as a rule, and by then at the latest: 45 s and 90 s at the defaults. */
const asARuleMs = atDefaults ? 45_000 : offlineAfterMs + 4_000
const atTheLatestMs = atDefaults ? 90_000 : offlineAfterMs + 12_000

interface Pair {
  watcher: ModelClient
  /** Who is going to fall silent. */
  watched: ModelClient
}

/** 100 direct conversations, both of each online. */
const connectPairs = async (): Promise<Pair[]> => {
  const pairs: Pair[] = []
  const ids = numbers(1, 100).map(() => newUsers(2))
  for (let start = 0; start < ids.length; start += 20) {
    const some = ids.slice(start, start + 20).map(async ([one = '', other = '']) => {
      await openDirect(one, other)
      const [watcher, watched] = [clientOf(one), clientOf(other)]
      await Promise.all([watcher.start(), watched.start()])
      return { watcher, watched }
    })
    pairs.push(...(await Promise.all(some)))
  }
  const clients = pairs.flatMap(({ watcher, watched }) => [watcher, watched])
  await until('all are ready', () => clients.every(client => client.events('session.ready').length > 0), 60_000)
  return pairs
}

interface Told {
  userId: string
  at: number
}

/** What this client has been told of others who went offline. */
const toldOffline = ({ frames }: ModelClient): Told[] =>
  frames
    .filter(({ event, data }) => event === 'presence.changed' && data?.status === 'offline')
    .map(({ data, at }) => ({ userId: String(data?.userId), at: Date.parse(at ?? '') }))

describe('presence', () => {
  test(
    'of 200 users is ended for exactly the 100 whose frames stop, half of them with their sockets broken unnoticed',
    async () => {
      const pairs = await connectPairs()
      stack.host.gateway.faults.lostDisconnects = true
      const beatAt = Date.now()
      await Promise.all(pairs.map(({ watched }) => watched.ask('ping', {})))
      for (const [index, { watched }] of pairs.entries()) {
        if (index % 2 === 0) watched.fallSilent()
        else watched.vanish()
      }
      const areAllTold = () => pairs.every(({ watcher }) => toldOffline(watcher).length > 0)
      await until('all are told', areAllTold, atTheLatestMs + 1_000)
      const after = pairs.map(({ watcher, watched }) => {
        const told = toldOffline(watcher)
        expect(told.map(({ userId }) => userId)).toEqual([watched.userId])
        expect(toldOffline(watched)).toEqual([])
        return Number(told[0]?.at) - beatAt
      })
      after.sort((a, b) => a - b)
      const [first = 0, median = 0, last = 0] = [after[0], after[after.length / 2], after.at(-1)]
      report(`Told offline ${first} ms (first), ${median} ms (median), ${last} ms (last) after the last frame`)
      expect(first).toBeGreaterThanOrEqual(offlineAfterMs)
      expect(last).toBeLessThanOrEqual(atTheLatestMs)
      expect(after.filter(ms => ms <= asARuleMs).length).toBeGreaterThanOrEqual(0.9 * after.length)
      expect(pairs.filter(({ watched }) => watched.isOpen)).toHaveLength(50)
    },
    testTimeoutMs(2),
  )

  test(
    'shows nothing of a reload, nor of one of two sockets that closes, but of the last one',
    async () => {
      const people = await Promise.all(
        numbers(1, 10).map(async () => {
          const [alice = '', bob = ''] = newUsers(2)
          await openDirect(alice, bob)
          const [alices, ...bobs] = await connect(alice, bob, bob)
          return { alices, bobs }
        }),
      )
      await delay(500)
      const before = new Map(people.map(({ alices }) => [alices, alices.events('presence.changed').length]))
      const changes = ({ alices }: (typeof people)[number]) =>
        alices.events('presence.changed').slice(before.get(alices) ?? 0)

      for (const { bobs } of people) {
        bobs[0].stop()
        bobs[1].close()
      }
      await until('the others are back', () => people.every(({ bobs }) => bobs[1].connections === 2))
      await delay((periods.closeGrace + 2 * periods.presenceSweep + 1) * 1_000)
      for (const each of people) expect(changes(each)).toEqual([])

      const closedAt = Date.now()
      for (const { bobs } of people) bobs[1].stop()
      await until('all are told', () => people.every(each => changes(each).length > 0), 3 * asARuleMs)
      for (const each of people) {
        expect(changes(each)).toMatchObject([{ userId: each.bobs[0].userId, status: 'offline' }])
        expect(Number(toldOffline(each.alices).at(-1)?.at) - closedAt).toBeGreaterThanOrEqual(
          periods.closeGrace * 1_000,
        )
      }
    },
    testTimeoutMs(2),
  )
})

test(
  'whoever is connected, and has joined nothing, gets the messages of all their conversations on every socket',
  async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const before = [await openDirect(alice, bob), await createGroup(alice, [bob, carol])]
    const [first, second, third, carols] = await connect(bob, bob, bob, carol)
    const ids = [...before, await createGroup(carol, [alice, bob]), await createGroup(alice, [bob])]
    const [direct = '', ...others] = ids
    for (const number of numbers(1, 5)) {
      await Promise.all(ids.map(id => sendOverHttp(alice, id, `No. ${number}`)))
    }
    for (const bobs of [first, second, third]) {
      await until('all messages are there', () => ids.every(id => bobs.holds(id, 5)))
    }
    for (const id of others.slice(0, 2)) await until('Carol has hers', () => carols.holds(id, 5))
    expect(carols.firstSights(direct)).toEqual([])

    first.stop()
    await delay(500)
    await Promise.all(ids.map(id => sendOverHttp(alice, id, 'After one has gone')))
    for (const bobs of [second, third]) await until('it is there', () => ids.every(id => bobs.holds(id, 6)))
  },
  testTimeoutMs(1),
)
