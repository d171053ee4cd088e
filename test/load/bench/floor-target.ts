import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { fillFloor } from './filled.ts'
import { processorTime } from './processor-time.ts'
import type { Filled, Target } from './target.ts'

export type FloorTarget = Target & { stop(): Promise<void> }

/**
 * Starts the floor on a database beside the service's, in the same server.
 * @param postgresTime what the server's processes have used: they are not the floor's own.
 */
export const startFloor = async (
  databaseUrl: string,
  postgresTime: () => { postgres: number },
): Promise<FloorTarget> => {
  const child: ChildProcess = fork(fileURLToPath(new URL('./floor-server.ts', import.meta.url)), {
    env: { ...process.env, DATABASE_URL: databaseUrl },
  })
  const [port] = (await once(child, 'message')) as [number]
  const address = `127.0.0.1:${port}`
  let filled: Promise<Filled> | undefined
  return {
    name: 'floor',
    openConversation: async userIds => {
      const conversationId = randomUUID()
      await fetch(`http://${address}/`, { method: 'POST', body: JSON.stringify({ conversationId, userIds }) })
      return conversationId
    },
    socketUrl: async userId => `ws://${address}/?user=${userId}`,
    filled: () => {
      filled ??= fillFloor(databaseUrl)
      return filled
    },
    historyRequest: async (_userId, conversationId) => ({
      url: `http://${address}/history?id=${conversationId}`,
      headers: {},
    }),
    listRequest: async userId => ({ url: `http://${address}/list?id=${userId}`, headers: {} }),
    processorTime: () => ({ host: processorTime(child.pid ?? 0).host, postgres: postgresTime().postgres, redis: 0 }),
    stop: async () => {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}
