import { randomUUID } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { Message } from '../../shared/messages/messages.schema.ts'
import type { FaultStack } from './faults-stack.ts'
import { essenceOf, storedMessages, storeMessages } from './stored-messages.ts'
import { tokenFor } from './tokens.ts'
import { request, type WireAnswer } from './wire-client.ts'

export const newUsers = (count: number): string[] => Array.from({ length: count }, () => randomUUID())

export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)

const post = async <Body>(userId: string, path: string, body: object): Promise<WireAnswer<Body>> =>
  request<Body>(`POST ${path}`, { token: await tokenFor(userId), body })

export const openDirect = async (userId: string, targetUserId: string): Promise<string> =>
  (await post<Conversation>(userId, '/conversations/direct', { targetUserId })).body.id

export const createGroup = async (userId: string, participantIds: readonly string[]): Promise<string> =>
  (await post<Conversation>(userId, '/conversations/group', { participantIds })).body.id

export const sendOverHttp = (
  userId: string,
  conversationId: string,
  content: string,
  id: string = uuidv7(),
): Promise<WireAnswer<Message>> => post(userId, `/conversations/${conversationId}/messages`, { id, content })

/** As sending stores them, without a push: for many at once, or for one that nobody hears of. */
export const store = async (
  { messages }: FaultStack,
  {
    userId: senderId,
    conversationId,
    count,
    units = 20,
  }: { userId: string; conversationId: string; count: number; units?: number },
): Promise<void> => {
  const contents = numbers(1, count).map(number => `No. ${number} `.padEnd(units, '.'))
  await storeMessages(messages, { conversationId, senderId }, contents)
}

export const storedIn = async ({ messages }: FaultStack, conversationId: string) =>
  (await storedMessages(messages, conversationId)).map(essenceOf)
