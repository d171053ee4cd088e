import type { StartedStack } from '../../support/stack.ts'
import { tokenFor } from '../../support/tokens.ts'
import { askHttp } from './ask-http.ts'
import { fillService } from './filled.ts'
import { processorTime } from './processor-time.ts'
import type { Filled, Target } from './target.ts'

export type ServiceTarget = Target & {
  readonly stack: StartedStack
  /** Asks the HTTP API; throws for anything but success. */
  ask<Body>(userId: string, target: string, body?: object, claims?: object): Promise<Body>
}

export const createServiceTarget = (stack: StartedStack): ServiceTarget => {
  const tokens = new Map<string, Promise<string>>()
  const tokenOf = (userId: string, claims: object): Promise<string> => {
    const key = JSON.stringify([userId, claims])
    const token = tokens.get(key) ?? tokenFor(userId, { ...claims })
    tokens.set(key, token)
    return token
  }
  const headersFor = async (userId: string, claims = {}) => ({
    authorization: `Bearer ${await tokenOf(userId, claims)}`,
  })
  const ask = async <Body>(userId: string, target: string, body?: object, claims: object = {}): Promise<Body> =>
    askHttp<Body>(stack, await tokenOf(userId, claims), target, body)
  let filled: Promise<Filled> | undefined
  return {
    name: 'service',
    stack,
    ask,
    openConversation: async ([creator = '', ...others]) => {
      const [other] = others
      const { id } = await (others.length === 1
        ? ask<{ id: string }>(creator, 'POST /conversations/direct', { targetUserId: other })
        : ask<{ id: string }>(creator, 'POST /conversations/group', { participantIds: others }))
      return id
    },
    socketUrl: async userId => `${stack.outputs.WebSocketUrl}?token=${await tokenOf(userId, {})}`,
    filled: () => {
      filled ??= fillService(stack)
      return filled
    },
    historyRequest: async (userId, conversationId) => ({
      url: `${stack.outputs.HttpApiUrl}/conversations/${conversationId}/messages?limit=50`,
      headers: await headersFor(userId),
    }),
    listRequest: async userId => ({
      url: `${stack.outputs.HttpApiUrl}/conversations?limit=50`,
      headers: await headersFor(userId),
    }),
    processorTime: () => processorTime(stack.pid),
  }
}
