import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type Chat, type ChatEvents, type ChatOptions, createChat } from '../../shared/client/client.ts'
import type { Environment, Socket } from '../../shared/client/environment.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { Message } from '../../shared/messages/messages.schema.ts'
import type { ProblemCode } from '../../shared/platform/problems.ts'
import { placeholder } from '../../shared/profiles/placeholder.ts'

/** A time that passes only when it is told to. */
export interface VirtualTime extends Pick<Environment, 'now' | 'after'> {
  /** Lets that much time pass, and everything happen that is due within it. */
  pass(milliseconds: number): Promise<void>
  /** Somebody sets the clock; nothing is due earlier or later for it. */
  jump(milliseconds: number): void
}

/** Lets everything happen that waits for nothing but its turn. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate()
}

export const virtualTime = (start = Date.parse('2026-11-01T12:00:00.000Z')): VirtualTime => {
  let passed = 0
  let offset = start
  const timers = new Set<{ at: number; run: () => void }>()
  return {
    now: () => offset + passed,
    after: (milliseconds, run) => {
      const timer = { at: passed + milliseconds, run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    pass: async milliseconds => {
      await settle()
      const end = passed + milliseconds
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
        if (!next) break
        timers.delete(next)
        passed = next.at
        next.run()
        await settle()
      }
      passed = end
    },
    jump: milliseconds => {
      offset += milliseconds
    },
  }
}

export interface SentFrame {
  action: string
  requestId?: string
  data: Record<string, unknown>
}

/** The server's end of one socket of the client. */
export interface ServedSocket {
  readonly url: URL
  /** All that the client has sent, heartbeats too. */
  readonly frames: readonly SentFrame[]
  /** The client has closed it. */
  readonly isClosed: boolean
  /** Lets the handshake succeed. */
  accept(): Promise<void>
  /** What the server says first of all, a second after the handshake. */
  ready(settings?: { heartbeatSeconds?: number; gapSeconds?: number; reconnectAfterSeconds?: number }): Promise<void>
  push(event: string, data: object): Promise<void>
  /** Answers the newest frame of that action, or the one that is given. */
  ack(frame: string | SentFrame, data?: object): Promise<void>
  refuse(frame: string | SentFrame, problem: Refusal): Promise<void>
  /** Sends text as it is. */
  send(text: string): Promise<void>
  /** Ends it, as a refused handshake, a close frame of any code and a lost network do alike. */
  end(): Promise<void>
  sent(action: string): SentFrame[]
}

export interface Refusal {
  code: ProblemCode
  status: number
  retryAfterSeconds?: number
  errors?: { path: string; message: string }[]
}

export interface HttpRequest {
  /** `GET /sync?since=1` */
  target: string
  body?: Record<string, unknown>
  authorization: string
}

export type HttpReply = { status?: number; body?: unknown; headers?: Record<string, string> }

export interface ClientWorld {
  readonly chat: Chat
  readonly userId: string
  readonly time: VirtualTime
  /** Every socket that the client has opened, oldest first. */
  readonly sockets: readonly ServedSocket[]
  readonly socket: ServedSocket
  readonly requests: readonly HttpRequest[]
  /** What is answered, by the beginning of the target; undefined: the network fails. The newest rule that fits holds. */
  answer(target: string, reply: (request: HttpRequest) => HttpReply | undefined): void
  /** Every event that the application has heard. */
  heard<Name extends keyof ChatEvents>(name: Name): ChatEvents[Name][]
  /** Connects, and is up to date with these conversations. */
  online(...conversations: Conversation[]): Promise<void>
}

export const directConversation = (
  userId: string,
  otherId: string,
  { lastSeq = 0, delivered = lastSeq, ...rest }: Partial<Conversation> & { delivered?: number } = {},
): Conversation => ({
  id: randomUUID(),
  type: 'direct',
  name: 'Somebody',
  avatarUrl: null,
  createdAt: '2026-11-01T10:00:00.000Z',
  lastActivityAt: '2026-11-01T10:00:00.000Z',
  lastSeq,
  lastMessage: null,
  unreadCount: 0,
  isMuted: false,
  mutedUntil: null,
  participants: [userId, otherId].map(id => ({
    userId: id,
    role: 'member',
    joinedAt: '2026-11-01T10:00:00.000Z',
    lastReadSeq: 0,
    lastDeliveredSeq: id === userId ? delivered : 0,
    profile: placeholder({ kind: 'user', id }),
  })),
  ...rest,
})

export const messageOf = (conversation: Conversation, senderId: string, seq: number): Message => ({
  id: randomUUID(),
  conversationId: conversation.id,
  seq,
  senderId,
  type: 'text',
  content: `No. ${seq}`,
  metadata: null,
  sentAt: '2026-11-01T12:00:00.000Z',
  deletedAt: null,
})

const problemOf = ({ code, ...rest }: Refusal) => ({
  type: `urn:kaha-chat:problem:${code}`,
  title: code,
  detail: code,
  code,
  requestId: 'server',
  ...rest,
})

const noChanges = { conversations: [], messages: [], deletions: [], reads: [], left: [], hasMore: false }

const eventNames = [
  'connection',
  'message',
  'outgoing',
  'deletion',
  'conversation',
  'left',
  'typing',
  'presence',
  'problem',
] as const satisfies (keyof ChatEvents)[]

/** A client whose time, sockets and requests are in the hands of the test, which plays the server. */
export const openClientWorld = (options: Partial<ChatOptions> = {}): ClientWorld => {
  const userId = options.userId ?? randomUUID()
  const time = virtualTime()
  const sockets: ServedSocket[] = []
  const requests: HttpRequest[] = []
  const rules: { target: string; reply: (request: HttpRequest) => HttpReply | undefined }[] = []
  const heard = new Map<keyof ChatEvents, unknown[]>()

  const openSocket = (url: string): Socket => {
    const listeners = new Map<string, (event: { data: unknown }) => void>()
    const frames: SentFrame[] = []
    let isClosed = false
    const tell = async (type: string, data?: unknown): Promise<void> => {
      listeners.get(type)?.({ data })
      await settle()
    }
    const push = (event: string, data: object) =>
      tell('message', JSON.stringify({ event, data, at: new Date(time.now()).toISOString() }))
    const requestIdOf = (frame: string | SentFrame): string => {
      const found = typeof frame === 'string' ? frames.findLast(({ action }) => action === frame) : frame
      if (found?.requestId === undefined) throw new Error(`There is no frame ${JSON.stringify(frame)} to answer`)
      return found.requestId
    }
    sockets.push({
      url: new URL(url),
      frames,
      get isClosed() {
        return isClosed
      },
      accept: () => tell('open'),
      ready: settings =>
        push('session.ready', {
          connectionId: 'c',
          userId,
          replayed: 0,
          unreadTotal: 0,
          serverTime: new Date(time.now()).toISOString(),
          settings: { heartbeatSeconds: 15, gapSeconds: 2, reconnectAfterSeconds: 6600, ...settings },
        }),
      push,
      ack: (frame, data = {}) => tell('message', JSON.stringify({ event: 'ack', requestId: requestIdOf(frame), data })),
      refuse: (frame, refusal) =>
        tell('message', JSON.stringify({ event: 'error', requestId: requestIdOf(frame), error: problemOf(refusal) })),
      send: text => tell('message', text),
      end: () => tell('close'),
      sent: action => frames.filter(frame => frame.action === action),
    })
    return {
      send: text => void frames.push(JSON.parse(text)),
      close: () => {
        isClosed = true
      },
      addEventListener: (type: string, listener: (event: { data: unknown }) => void) =>
        void listeners.set(type, listener),
    }
  }

  const environment: Environment = {
    now: time.now,
    after: time.after,
    random: () => 0,
    openSocket,
    onNetwork: () => () => {},
    fetch: async (url, { method, body, headers }) => {
      const target = `${method} ${url.replace('http://service', '')}`
      const { authorization = '' } = headers as Record<string, string>
      const request = { target, authorization, ...(body && { body: JSON.parse(String(body)) }) }
      requests.push(request)
      const reply = rules.findLast(rule => target.startsWith(rule.target))?.reply(request)
      if (!reply) throw new TypeError('fetch failed')
      const { status = 200, body: answer, headers: answerHeaders = {} } = reply
      return new Response(status === 204 ? null : JSON.stringify(answer), { status, headers: answerHeaders })
    },
    ...options.environment,
  }
  const chat = createChat({
    httpUrl: 'http://service',
    webSocketUrl: 'ws://service',
    token: () => 'token',
    ...options,
    userId,
    environment,
  })
  for (const name of eventNames) {
    const events: unknown[] = []
    heard.set(name, events)
    chat.on(name, event => void events.push(event))
  }

  const world: ClientWorld = {
    chat,
    userId,
    time,
    sockets,
    get socket() {
      const newest = sockets.at(-1)
      if (!newest) throw new Error('The client has opened no socket')
      return newest
    },
    requests,
    answer: (target, reply) => void rules.push({ target, reply }),
    heard: name => (heard.get(name) ?? []) as never,
    online: async (...conversations) => {
      world.answer('GET /conversations', () => ({ body: { items: conversations, nextCursor: null } }))
      void chat.connect()
      await settle()
      await world.socket.accept()
      await world.socket.ready()
    },
  }
  world.answer('GET /sync', () => ({ body: { ...noChanges, next: 'token' } }))
  world.answer('GET /conversations', () => ({ body: { items: [], nextCursor: null } }))
  return world
}

/** An answer of `GET /sync` with these changes. */
export const changesOf = (changes: object, next = 'later'): HttpReply => ({ body: { ...noChanges, ...changes, next } })

/** A refusal as HTTP answers it. */
export const refusal = (problem: Refusal): HttpReply => ({
  status: problem.status,
  body: problemOf(problem),
  ...(problem.retryAfterSeconds && { headers: { 'retry-after': String(problem.retryAfterSeconds) } }),
})
