import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { messagesOf } from '../../support/stored-messages.ts'
import { atOnce } from './at-once.ts'
import { openChatSocket } from './chat-socket.ts'
import { perThousand } from './processor-time.ts'
import type { ServiceTarget } from './service-target.ts'
import { latencyFigures } from './statistics.ts'
import type { Scenario } from './target.ts'

const customers = 1_000
const agents = 50
const chatsEach = 20
const connections = 16

/** So that it is over: an agent who is gone loses their chats after minutes, which would be done beside what is measured then. */
const closeAll = async (service: ServiceTarget, businessId: string): Promise<void> => {
  const { db } = await messagesOf(service.stack)
  try {
    await sql`
      update business_conversations set status = 'closed', closed_at = now() where business_id = ${businessId}::uuid`.execute(
      db,
    )
  } finally {
    await db.destroy()
  }
}

/** 1,000 customers turn to one business at once, whose 50 agents can take all of them. */
export const assignmentScenario = (service: ServiceTarget): Scenario => ({
  name: `assignment of ${customers.toLocaleString('en')} customers to ${agents} agents`,
  targets: ['service'],
  run: async () => {
    const businessId = randomUUID()
    const manager = randomUUID()
    const agentIds = Array.from({ length: agents }, () => randomUUID())
    const sockets = await Promise.all(
      agentIds.map(async agentId => {
        const socket = await openChatSocket(await service.socketUrl(agentId))
        await socket.ready
        return socket
      }),
    )
    for (const agentId of agentIds) {
      const path = `/business/${businessId}/agents/${agentId}`
      await service.ask(manager, `POST ${path}`, undefined, { businessId })
      const limit = { maxConcurrentChats: chatsEach, skills: [] }
      await service.ask(manager, `PUT ${path}/configure`, limit, { businessId })
    }
    try {
      const before = service.processorTime()
      const startedAt = performance.now()
      const times: number[] = []
      const customerIds = Array.from({ length: customers }, () => randomUUID())
      await atOnce(connections, customerIds, async customerId => {
        const sentAt = performance.now()
        await service.ask(customerId, 'POST /conversations/business', { businessId })
        times.push(performance.now() - sentAt)
      })
      const seconds = (performance.now() - startedAt) / 1_000
      const stats = await service.ask<{ assigned: number; agents: { assigned: number }[] }>(
        manager,
        `GET /business/${businessId}/stats`,
        undefined,
        { businessId },
      )
      if (stats.agents.some(({ assigned }) => assigned > chatsEach)) throw new Error('An agent is over their limit')
      return {
        'customers/s': customers / seconds,
        ...latencyFigures('answer', times),
        ...perThousand(before, service.processorTime(), customers),
        'queued at the end': customers - stats.assigned,
      }
    } finally {
      for (const socket of sockets) socket.close()
      await closeAll(service, businessId)
    }
  },
})
