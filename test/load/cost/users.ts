import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Host } from '../../../infra/local/host.ts'
import { signToken } from '../../../infra/local/tokens.ts'
import { type Chat, createChat } from '../../../shared/client/client.ts'
import { ownEnvironment } from '../../../shared/client/environment.ts'

/** Two users who write to each other. */
export interface Pair {
  readonly conversationId: string
  readonly chats: readonly [Chat, Chat]
}

/** How many frames of each kind went over the wire, named as `action →` and `← event`. */
export type Frames = Map<string, number>

/** Somebody writes in each conversation about every so often. */
const betweenMessagesMs = 3_000

const nameOf = (text: string): string => {
  try {
    const { action, event } = JSON.parse(text) as { action?: string; event?: string }
    return action ? `${action} →` : `← ${event}`
  } catch {
    return '← nothing'
  }
}

/** So many users of the client library, who are not connected yet. What they send and get is counted in `frames`. */
export const newUsers = (host: Host, count: number, frames: Frames): { userId: string; chat: Chat }[] => {
  const note = (text: string): void => {
    const name = nameOf(text)
    frames.set(name, (frames.get(name) ?? 0) + 1)
  }
  const openSocket: typeof ownEnvironment.openSocket = url => {
    const socket = ownEnvironment.openSocket(url)
    socket.addEventListener('message', ({ data }) => note(String(data)))
    const send = socket.send.bind(socket)
    socket.send = text => {
      note(text)
      send(text)
    }
    return socket
  }
  return Array.from({ length: count }, () => {
    const userId = randomUUID()
    const chat = createChat({
      httpUrl: host.outputs.HttpApiUrl,
      userId,
      token: () => signToken(host.jwtSecret, { id: userId, kahaId: userId }),
      environment: { ...ownEnvironment, openSocket },
    })
    return { userId, chat }
  })
}

/** Opens the conversations of every two of them; whoever gets a message reads it. */
export const pairUp = async (users: readonly { userId: string; chat: Chat }[]): Promise<Pair[]> => {
  const pairs: Pair[] = []
  for (let index = 0; index + 1 < users.length; index += 2) {
    const [one, other] = [users[index], users[index + 1]]
    if (!one || !other) continue
    const { id: conversationId } = await one.chat.openDirect(other.userId)
    for (const { chat, userId } of [one, other]) {
      chat.on('message', ({ conversationId, senderId }) => {
        if (senderId !== userId) void chat.markRead(conversationId)
      })
    }
    pairs.push({ conversationId, chats: [one.chat, other.chat] })
  }
  return pairs
}

/** For so long every pair chats: both by turns, or the first alone. Returns how many messages were sent. */
export const talk = async (pairs: readonly Pair[], ms: number, whoWrites: 'both' | 'first'): Promise<number> => {
  const end = Date.now() + ms
  let sent = 0
  const talkOf = async ({ conversationId, chats }: Pair): Promise<void> => {
    await delay(Math.random() * betweenMessagesMs)
    for (let turn = 0; Date.now() < end; turn += 1) {
      const writer = chats[whoWrites === 'both' && turn % 2 ? 1 : 0]
      writer.send(conversationId, `Message ${turn}, as long as messages are as a rule: a sentence, more or less.`)
      sent += 1
      await delay(betweenMessagesMs * (0.5 + Math.random()))
    }
  }
  await Promise.all(pairs.map(talkOf))
  return sent
}
