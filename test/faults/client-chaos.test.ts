import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { until } from '../local/stores/until.ts'
import { type ChaosClient, chaosClient, storedIn } from '../support/client-chaos.ts'
import { faultSettings, repairedWithinMs, report } from '../support/faults-stack.ts'
import { type StartedStack, startStack, stopWithoutLeaks } from '../support/stack.ts'

/** A minute for a run by hand (`npm run test:client`); otherwise as long as it takes for everything to happen. */
const seconds = Number(process.env.CLIENT_CHAOS_SECONDS || 8)
const isLong = seconds > 30
const clientCount = 20
const hostRestarts = isLong ? 3 : 1
/** In the short run a client's twelve seconds of patience are four. */
const speed = isLong ? 1 : 3

const chance = (share: number): boolean => Math.random() < share
const oneOf = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)] as Item
const days = 24 * 60 * 60 * 1000

let stack: StartedStack
let clients: ChaosClient[] = []
/** Who is in which conversation. */
const members = new Map<string, ChaosClient[]>()

const conversationsOf = (client: ChaosClient): string[] =>
  [...members].flatMap(([id, those]) => (those.includes(client) ? [id] : []))

beforeAll(async () => {
  stack = await startStack(faultSettings)
  clients = Array.from({ length: clientCount }, () => chaosClient(stack, randomUUID(), speed))
  for (let index = 0; index < clientCount; index += 2) {
    const [one, other] = clients.slice(index, index + 2)
    if (one && other) members.set((await one.chat.openDirect(other.userId)).id, [one, other])
  }
  for (const group of [
    clients.slice(0, 8),
    clients.slice(6, 14),
    clients.slice(12, 20),
    clients.slice(3, 17).filter((_, index) => index % 2),
  ]) {
    const [creator, ...others] = group
    if (!creator) continue
    const { id } = await creator.chat.createGroup({ participantIds: others.map(({ userId }) => userId) })
    members.set(id, group)
  }
  await Promise.all(clients.map(({ chat }) => chat.connect()))
}, 60_000)
afterAll(async () => {
  for (const { chat } of clients) chat.close()
  if (stack) await stopWithoutLeaks(stack)
})

test(
  'whatever happens to 20 clients, their sockets, clocks and acks, and to the host, each sees every message once and in order',
  async () => {
    const counts = { sent: 0, kills: 0, outages: 0, jumps: 0, restarts: 0 }
    let isOver = false
    for (const { losses } of clients) Object.assign(losses, { acks: 0.05, messages: 0.02 })

    const talk = async (client: ChaosClient): Promise<void> => {
      while (!isOver) {
        const conversationId = oneOf(conversationsOf(client))
        client.chat.send(conversationId, `No. ${counts.sent}`)
        counts.sent += 1
        if (chance(0.2)) client.chat.markRead(conversationId)
        if (chance(0.2)) client.chat.typing(conversationId)
        await delay(500 + Math.random() * 1_500)
      }
    }
    const kill = (client: ChaosClient): void => {
      client.kill()
      counts.kills += 1
    }
    const jump = (client: ChaosClient): void => {
      client.jumpClock((Math.random() - 0.5) * 6 * days)
      counts.jumps += 1
    }
    const outage = (client: ChaosClient): void => {
      client.setNetwork(false)
      counts.outages += 1
      void delay(Math.random() * 3_000).then(() => client.setNetwork(true))
    }
    const disturb = async (): Promise<void> => {
      while (!isOver) {
        await delay(100 + Math.random() * 300)
        oneOf([kill, kill, jump, outage])(oneOf(clients))
      }
    }
    const restart = async (): Promise<void> => {
      const pauseMs = (seconds * 1000) / (hostRestarts + 1)
      await delay(pauseMs)
      for (let number = 1; number <= hostRestarts; number += 1) {
        await stack.restart(number % 2 === 1 ? 'SIGTERM' : 'SIGKILL')
        counts.restarts += 1
        await delay(pauseMs)
      }
      isOver = true
    }
    await Promise.all([...clients.map(talk), disturb(), restart()])

    await delay(3_000)
    for (const client of clients) {
      client.setNetwork(true)
      Object.assign(client.losses, { acks: 0, messages: 0 })
    }
    const settled = Date.now()
    await until(
      'every outbox is empty',
      () => clients.every(({ chat }) => chat.outbox.length === 0 && chat.connection === 'online'),
      60_000,
    )
    const emptyAfterMs = Date.now() - settled
    const outgoing = clients.flatMap(({ sent }) => [...sent.values()])
    expect(outgoing).toHaveLength(counts.sent)
    expect(outgoing.filter(({ status }) => status !== 'sent')).toEqual([])

    for (const [conversationId, those] of members) {
      const stored = await storedIn(stack, conversationId)
      const sent = outgoing.filter(message => message.conversationId === conversationId)
      const byId = new Map(sent.map(({ id, seq, content }) => [id, { id, seq, content }]))
      expect(stored).toEqual(stored.map(({ id }) => byId.get(id)))
      expect(stored).toHaveLength(sent.length)
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1))
      for (const { seen } of those) {
        await until(
          `all ${stored.length} messages are seen`,
          () => (seen.get(conversationId)?.length ?? 0) >= stored.length,
          repairedWithinMs + 30_000,
        )
        expect(seen.get(conversationId)?.map(({ id, seq, content }) => ({ id, seq, content }))).toEqual(stored)
      }
    }
    report(`Client chaos: ${JSON.stringify({ ...counts, emptyAfterMs, settledAfterMs: Date.now() - settled })}`)
  },
  seconds * 1000 + 240_000,
)
