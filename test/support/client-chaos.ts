import { WebSocket } from 'ws'
import { type Chat, createChat } from '../../shared/client/client.ts'
import type { Environment, Socket } from '../../shared/client/environment.ts'
import type { Outgoing } from '../../shared/client/outbox.ts'
import type { Message } from '../../shared/messages/messages.schema.ts'
import type { Stack } from './stack.ts'
import { essenceOf, messagesOf, storedMessages } from './stored-messages.ts'
import { tokenFor } from './tokens.ts'

/** The ids of a conversation's messages as they are stored, in the order of `seq`, with their content. */
export const storedIn = async (stack: Stack, conversationId: string) => {
  const messages = await messagesOf(stack)
  try {
    return (await storedMessages(messages, conversationId)).map(essenceOf)
  } finally {
    await messages.db.destroy()
  }
}

/** What can go wrong for a client, at any moment. */
export interface ChaosClient {
  readonly chat: Chat
  readonly userId: string
  /** What the application saw, conversation by conversation, in the order in which it saw it. */
  readonly seen: ReadonlyMap<string, readonly Message[]>
  /** The newest of each message that it sent. */
  readonly sent: ReadonlyMap<string, Outgoing>
  readonly problems: readonly string[]
  /** Cuts its socket without a close frame. */
  kill(): void
  /** The network is gone, or back. */
  setNetwork(isThere: boolean): void
  /** Somebody sets its clock. */
  jumpClock(milliseconds: number): void
  /** Shares (0 to 1) of frames that never arrive: of acks, and of messages. */
  losses: { acks: number; messages: number }
}

/** @param speed How many times as fast the client's timers run. */
export const chaosClient = ({ outputs }: Stack, userId: string, speed: number): ChaosClient => {
  const seen = new Map<string, Message[]>()
  const sent = new Map<string, Outgoing>()
  const problems: string[] = []
  let socket: WebSocket | undefined
  let isNetworkThere = true
  let clock = 0
  const losses = { acks: 0, messages: 0 }

  const openSocket = (url: string): Socket => {
    const opened = new WebSocket(isNetworkThere ? url : 'ws://127.0.0.1:1')
    socket = opened
    return {
      send: text => opened.send(text, () => {}),
      close: () => opened.terminate(),
      addEventListener: (type: string, listener: (event: { data: unknown }) => void) => {
        if (type !== 'message') return opened.addEventListener(type as 'open', () => listener({ data: undefined }))
        opened.addEventListener('message', ({ data }) => {
          const [, kind] = /^\{"event":"(ack|message)/.exec(String(data)) ?? []
          const share = kind === 'ack' ? losses.acks : kind === 'message' ? losses.messages : 0
          if (Math.random() >= share) listener({ data })
        })
      },
    }
  }
  const environment: Partial<Environment> = {
    now: () => performance.timeOrigin + performance.now() + clock,
    after: (milliseconds, run) => {
      const timer = setTimeout(run, milliseconds / speed)
      return () => clearTimeout(timer)
    },
    fetch: (url, request) =>
      isNetworkThere ? fetch(url, request) : Promise.reject(new TypeError('The network is gone')),
    openSocket,
  }
  const chat = createChat({ httpUrl: outputs.HttpApiUrl, userId, token: () => tokenFor(userId), environment })
  chat.on('message', message => {
    seen.set(message.conversationId, [...(seen.get(message.conversationId) ?? []), message])
  })
  chat.on('outgoing', message => void sent.set(message.key, message))
  chat.on('problem', problem => void problems.push(problem.message))
  return {
    chat,
    userId,
    seen,
    sent,
    problems,
    kill: () => socket?.terminate(),
    setNetwork: isThere => {
      isNetworkThere = isThere
      if (!isThere) socket?.terminate()
    },
    jumpClock: milliseconds => {
      clock += milliseconds
    },
    losses,
  }
}
