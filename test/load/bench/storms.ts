import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { atOnce } from './at-once.ts'
import { type ChatSocket, openChatSocket } from './chat-socket.ts'
import type { ServiceTarget } from './service-target.ts'
import { latencyFigures } from './statistics.ts'
import type { Figures, Scenario } from './target.ts'

const users = 2_000
const groupSize = 8
const waiting = 20
const longestMs = 120_000

interface Group {
  conversationId: string
  sender: string
  listeners: string[]
}

/** Groups whose listeners are not connected and have messages waiting. */
const prepare = async (target: ServiceTarget): Promise<Group[]> => {
  const groups: Group[] = []
  const count = Math.ceil(users / (groupSize - 1))
  await atOnce(
    16,
    Array.from({ length: count }, (_, index) => index),
    async () => {
      const [sender = '', ...listeners] = Array.from({ length: groupSize }, () => randomUUID())
      const conversationId = await target.openConversation([sender, ...listeners])
      const path = `POST /conversations/${conversationId}/messages`
      for (let number = 0; number < waiting; number += 1) {
        await target.ask(sender, path, { content: `No. ${number} `.padEnd(120, '.') })
      }
      groups.push({ conversationId, sender, listeners })
    },
  )
  return groups
}

/** Connects until it is let in, with back-off and jitter as a client does; resolves when the session is ready. */
const connectUntilReady = async (target: ServiceTarget, userId: string): Promise<ChatSocket> => {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const socket = await openChatSocket(await target.socketUrl(userId))
      await Promise.race([
        socket.ready,
        socket.closed.then(() => Promise.reject(new Error('Closed before it was ready'))),
      ])
      return socket
    } catch (error) {
      if (attempt === 12) throw error
      await delay(Math.random() * Math.min(250 * 2 ** attempt, 5_000))
    }
  }
}

const storm = async (
  target: ServiceTarget,
  groups: readonly Group[],
): Promise<{ sockets: ChatSocket[]; figures: Figures }> => {
  const startedAt = performance.now()
  const times: number[] = []
  const everybody = groups.flatMap(({ listeners }) => listeners).slice(0, users)
  const connected = Promise.all(
    everybody.map(async userId => {
      const socket = await connectUntilReady(target, userId)
      times.push(performance.now() - startedAt)
      return socket
    }),
  )
  const late = delay(longestMs, undefined, { ref: false }).then((): never => {
    throw new Error(`Only ${times.length} of ${users} were ready within ${longestMs} ms`)
  })
  const sockets = await Promise.race([connected, late])
  return {
    sockets,
    figures: { 'all ready s': (performance.now() - startedAt) / 1_000, ...latencyFigures('ready', times) },
  }
}

const closeAll = async (sockets: readonly ChatSocket[]): Promise<void> => {
  for (const socket of sockets) socket.close()
  await Promise.all(sockets.map(({ closed }) => closed))
}

const checkReplayed = (sockets: readonly ChatSocket[]): void => {
  for (const { received } of sockets) {
    const [only] = received.values()
    if (received.size !== 1 || only?.seqs.size !== waiting) throw new Error('A replay was not complete')
  }
}

/**
 * Everybody connects at once, each with messages waiting; then the host restarts, and all come back at once.
 * @param afterwards is done when all that is over, for who else is on the stack's stores.
 */
export const stormScenario = (service: ServiceTarget, afterwards: () => Promise<void>): Scenario => ({
  name: `connect storm, ${users} sockets, ${waiting} messages waiting for each`,
  targets: ['service'],
  run: async () => {
    const groups = await prepare(service)
    const { sockets, figures } = await storm(service, groups)
    checkReplayed(sockets)
    // So that the sweep brings to Postgres what was acknowledged: Redis ends with the stack, too.
    await delay(20_000)
    await service.stack.restart('SIGTERM')
    await Promise.all(sockets.map(({ closed }) => closed))
    const again = await storm(service, groups)
    await closeAll(again.sockets)
    await afterwards()
    const repeated = again.sockets.filter(({ received }) => received.size > 0).length
    return {
      ...figures,
      ...Object.fromEntries(Object.entries(again.figures).map(([name, value]) => [`after restart: ${name}`, value])),
      'after restart: sockets that got messages again': repeated,
    }
  },
})
