import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { fillFloor } from './filled.ts'
import { processorTime } from './processor-time.ts'
import type { Filled, Target } from './target.ts'

export type FloorTarget = Target & {
  /** Starts it anew, on the same data, when the server of the database has done so: that has another address then. */
  restart(): Promise<void>
  stop(): Promise<void>
}

interface Running {
  child: ChildProcess
  address: string
}

const launch = async (databaseUrl: string): Promise<Running> => {
  const child = fork(fileURLToPath(new URL('./floor-server.ts', import.meta.url)), {
    env: { ...process.env, DATABASE_URL: databaseUrl },
  })
  const [port] = (await once(child, 'message')) as [number]
  return { child, address: `127.0.0.1:${port}` }
}

const end = async ({ child }: Running): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
}

/**
 * Starts the floor on a database beside the service's, in the same server.
 * @param databaseUrl where it is now.
 * @param postgresTime what the server's processes have used: they are not the floor's own.
 */
export const startFloor = async (
  databaseUrl: () => string,
  postgresTime: () => { postgres: number },
): Promise<FloorTarget> => {
  let { child, address } = await launch(databaseUrl())
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
      filled ??= fillFloor(databaseUrl())
      return filled
    },
    historyRequest: async (_userId, conversationId) => ({
      url: `http://${address}/history?id=${conversationId}`,
      headers: {},
    }),
    listRequest: async userId => ({ url: `http://${address}/list?id=${userId}`, headers: {} }),
    processorTime: () => ({ host: processorTime(child.pid ?? 0).host, postgres: postgresTime().postgres, redis: 0 }),
    restart: async () => {
      await end({ child, address })
      ;({ child, address } = await launch(databaseUrl()))
    },
    stop: () => end({ child, address }),
  }
}
