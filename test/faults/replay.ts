import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { until } from '../local/stores/until.ts'
import { atDefaults, periods, repairedWithinMs, testTimeoutMs } from '../support/faults-stack.ts'
import { createGroup, newUsers, numbers, openDirect, sendOverHttp, store } from '../support/faults-traffic.ts'
import { clientOf, stack } from './running-stack.ts'

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)

describe('a replay', () => {
  test(
    'brings 5,000 messages of 20 conversations in order and once, also when the socket drops in the middle',
    async () => {
      const [alice = '', bob = '', carol = ''] = newUsers(3)
      const ids = [await openDirect(alice, bob)]
      while (ids.length < 20) ids.push(await createGroup(alice, [bob, carol]))
      const each = 250
      const units = 2_000
      await Promise.all(
        ids.map(async (conversationId, index) => {
          // Over HTTP where time allows, otherwise some so and the rest straight into Postgres.
          const overHttp = atDefaults ? each : 10
          for (const number of numbers(1, overHttp)) {
            await sendOverHttp(alice, conversationId, `Conversation ${index}, no. ${number} `.padEnd(units, '.'))
          }
          await store(stack, { userId: alice, conversationId, count: each - overHttp, units })
        }),
      )

      const bobs = clientOf(bob)
      await bobs.start()
      await until('some have come', () => bobs.sights.length >= 1_000)
      await bobs.acknowledge()
      const acknowledged = new Map(ids.map(id => [id, bobs.acknowledged(id)]))
      bobs.drop()
      await until('the session is ready', () => bobs.events('session.ready').length > 0, repairedWithinMs)
      for (const id of ids) expect(bobs.firstSights(id)).toEqual(numbers(1, each))
      await until('all is acknowledged', () => ids.every(id => bobs.acknowledged(id) === each))
      expect(sum([...acknowledged.values()])).toBeGreaterThan(0)
      expect(sum([...acknowledged.values()])).toBeLessThan(20 * each)
      expect(bobs.connections).toBe(2)
      const again = bobs.sights.filter(({ connection }) => connection === 2)
      for (const { conversationId, seq } of again) expect(seq).toBeGreaterThan(acknowledged.get(conversationId) ?? 0)

      const carols = clientOf(carol)
      await carols.start()
      await until('the session is ready', () => carols.events('session.ready').length > 0, repairedWithinMs)
      const [direct = '', ...groups] = ids
      const untilReady = carols.frames.slice(
        0,
        carols.frames.findIndex(({ event }) => event === 'session.ready'),
      )
      const brought = untilReady.flatMap(({ data }) => (data?.messages ?? []) as unknown[])
      expect(brought).toHaveLength(groups.length * each)
      for (const id of groups) expect(carols.firstSights(id)).toEqual(numbers(1, each))
      expect(carols.firstSights(direct)).toEqual([])
      expect(carols.events('session.ready')).toHaveLength(1)
      await until('all is acknowledged', () => groups.every(id => carols.acknowledged(id) === each))

      bobs.drop()
      await until('the session is ready again', () => bobs.events('session.ready').length > 1, repairedWithinMs)
      expect(bobs.sights.filter(({ connection }) => connection === 3)).toEqual([])
    },
    testTimeoutMs(3),
  )

  test(
    'whose jobs come twice and out of order, with a sweep in its midst, brings everything in order and at most twice',
    async () => {
      const [alice = '', bob = '', carol = ''] = newUsers(3)
      const ids = [
        await openDirect(alice, bob),
        await createGroup(alice, [bob, carol]),
        await createGroup(carol, [bob]),
      ]
      const each = 1_500
      await Promise.all(
        ids.map((conversationId, index) =>
          store(stack, { userId: index === 2 ? carol : alice, conversationId, count: each, units: 2_000 }),
        ),
      )
      // Jobs of clients that an earlier case has closed may wait for a minute: this one counts its own.
      stack.host.sqs.queue('Replay').purge()
      stack.host.sqs.faults.deliverTwice = true
      // So slow that it lasts until the sweep has looked three times, however fast the machine is.
      stack.host.gateway.faults.postLatencyMs = 300
      const readers = [clientOf(bob), clientOf(carol)]
      await Promise.all(readers.map(reader => reader.start()))
      const [bobs] = readers
      // Twice: the first look marks what nobody has marked, the second one finds the marks.
      const later = () => ({ now: new Date(Date.now() + (periods.repairAfter + 1) * 1_000) })
      await until('the replay has begun', () => (bobs?.sights.length ?? 0) > 0)
      // A look may fail where this machine is so busy that Redis does not answer in time; Lambda repeats it, too.
      const look = async () => (await stack.host.invoke('SweepFunction', later())).outcome === 'ok'
      for (const number of [1, 2, 3]) await until(`the sweep has looked ${number} times`, look, repairedWithinMs)
      expect(bobs?.events('session.ready')).toEqual([])
      stack.host.gateway.faults.postLatencyMs = 0
      await until(
        'both have everything',
        () => readers.every(reader => reader.events('session.ready').length > 0),
        repairedWithinMs,
      )
      await delay((2 * periods.repairAfter + periods.sweep) * 1_000)
      for (const [index, reader] of readers.entries()) {
        for (const id of index === 0 ? ids : ids.slice(1)) {
          expect(reader.firstSights(id)).toEqual(numbers(1, each))
          const times = Map.groupBy(
            reader.sights.filter(({ conversationId }) => conversationId === id),
            ({ seq }) => seq,
          )
          expect(Math.max(...[...times.values()].map(({ length }) => length))).toBeLessThanOrEqual(2)
        }
        expect(reader.events('session.ready')).toHaveLength(1)
      }
      // A copy that was put off is found to be done; none keeps itself going.
      await until(
        'the queue is empty',
        () => Object.values(stack.host.sqs.queue('Replay').counts()).every(count => count === 0),
        repairedWithinMs,
      )
    },
    testTimeoutMs(3),
  )
})
