import { afterAll, afterEach, beforeAll } from '@jest/globals'
import { until } from '../local/stores/until.ts'
import { type ModelClient, modelClient } from '../support/faults-client.ts'
import { type FaultStack, startFaultStack } from '../support/faults-stack.ts'

/** The one stack of all cases: its start takes longer than most of them. */
export let stack: FaultStack

const clients = new Set<ModelClient>()

beforeAll(async () => {
  stack = await startFaultStack()
}, 60_000)

afterEach(async () => {
  Object.assign(stack.host.gateway.faults, { swallowedPosts: 0, postLatencyMs: 0, lostDisconnects: false })
  Object.assign(stack.host.sqs.faults, { deliverTwice: false, unavailable: false })
  for (const client of clients) client.stop()
  clients.clear()
  await until('all sockets are closed', () => stack.host.gateway.connectionCount() === 0)
})

// All that was sent is looked for in all that was logged.
afterAll(() => stack?.stop(), 90_000)

/** A client that is stopped after the test. */
export const clientOf = (userId: string): ModelClient => {
  const client = modelClient(stack, userId)
  clients.add(client)
  return client
}

type ClientsOf<UserIds extends readonly string[]> = { [Index in keyof UserIds]: ModelClient }

/** A client for each, all of them connected and up to date. */
export const connect = async <const UserIds extends readonly string[]>(
  ...userIds: UserIds
): Promise<ClientsOf<UserIds>> =>
  Promise.all(
    userIds.map(async userId => {
      const client = clientOf(userId)
      await client.start()
      await until('the session is ready', () => client.events('session.ready').length > 0, 60_000)
      return client
    }),
  ) as Promise<ClientsOf<UserIds>>
