import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { until } from '../local/stores/until.ts'
import type { ModelClient } from '../support/faults-client.ts'
import { periods, repairedWithinMs, testTimeoutMs } from '../support/faults-stack.ts'
import { createGroup, newUsers, numbers, openDirect, sendOverHttp, storedIn } from '../support/faults-traffic.ts'
import { connect, stack } from './running-stack.ts'

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

describe('a push that is lost', () => {
  test(
    'although it was answered 200 is made up for, as often as nobody acknowledges it and never after that',
    async () => {
      const [alice = '', bob = '', carol = '', dave = ''] = newUsers(4)
      const [direct, group] = [await openDirect(alice, bob), await createGroup(alice, [bob, carol, dave])]
      const [bobs, carols, daves] = await connect(bob, carol, dave)
      const all = [bobs, carols, daves]
      daves.acknowledges = false
      await swallowing(async () => {
        expect((await sendOverHttp(alice, direct, 'Into the void')).status).toBe(201)
        expect((await sendOverHttp(alice, group, 'Into the void, all of you')).status).toBe(201)
      })
      for (const client of all) expect(client.sights).toEqual([])
      await Promise.all([untilHeld(bobs, direct, 1), ...all.map(client => untilHeld(client, group, 1))])
      for (const client of all) expect(client.sights.every(({ replayed }) => replayed)).toBe(true)

      await until('it has come to Dave twice', () => daves.sights.length >= 2, repairedWithinMs)
      daves.acknowledges = true
      await until('all is acknowledged', () => all.every(client => client.acknowledged(group) === 1))
      const times = all.map(({ sights }) => sights.length)
      await delay((periods.repairAfter + 2 * periods.sweep + 1) * 1_000)
      expect(all.map(({ sights }) => sights.length)).toEqual(times)
      expect(all.map(({ connections }) => connections)).toEqual([1, 1, 1])
    },
    testTimeoutMs(2),
  )

  test(
    'because its function died after the commit reaches everybody all the same',
    async () => {
      const [alice = '', bob = '', carol = ''] = newUsers(3)
      const id = await createGroup(alice, [bob, carol])
      const [alices, bobs, carols] = await connect(alice, bob, carol)
      const died = new Promise<void>((resolve, reject) => {
        stack.redisProxy.swallows = bytes => {
          const isRouting = ['hsetnx', `pending:{${bob}}`, id].every(part => bytes.includes(part))
          if (isRouting) {
            stack.redisProxy.swallows = () => false
            stack.host.functions.kill('MessageFunction').then(resolve, reject)
          }
          return isRouting
        }
      })
      const isDead = died.then(() => true)
      const speak = (content: string) => alices.ask('message.send', { conversationId: id, content }).then(() => false)
      let last = 1
      while (!(await Promise.race([isDead, speak(`No. ${last}`)]))) last += 1
      expect((await storedIn(stack, id)).at(-1)).toMatchObject({ seq: last, content: `No. ${last}` })
      const sightsOf = ({ sights }: ModelClient) => sights.filter(({ seq }) => seq === last)
      for (const client of [bobs, carols]) expect(sightsOf(client)).toEqual([])
      await Promise.all([bobs, carols].map(client => untilHeld(client, id, last)))
      for (const client of [bobs, carols]) expect(sightsOf(client)[0]).toMatchObject({ replayed: true, connection: 1 })
      await until('Alice is told by the gateway itself', () =>
        alices.frames.some(frame => 'message' in frame && frame.message === 'Internal server error'),
      )
    },
    testTimeoutMs(1),
  )

  test(
    'leaves a gap, which is acknowledged up to: of 5 and 7 only 5, and 6 comes again',
    async () => {
      const [alice = '', bob = '', carol = '', dave = ''] = newUsers(4)
      const conversations = [await openDirect(alice, bob), await createGroup(carol, [alice, dave])]
      const [bobs, daves] = await connect(bob, dave)
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
})
