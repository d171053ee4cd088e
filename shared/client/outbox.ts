import { backOffMs } from './back-off.ts'
import type { Connection } from './connection.ts'
import type { Environment } from './environment.ts'
import { mintId } from './message-id.ts'
import { asChatProblem, type ChatProblem, type ChatProblemCode } from './problem.ts'
import type { ServerTime } from './server-time.ts'
import type { Message } from './service.ts'
import type { Actions } from './wire.ts'

export interface NewMessage {
  content: string
  metadata?: Record<string, unknown>
}

/** A message that is on its way; once it is `sent` it is one like all others. */
export interface Outgoing {
  /** Stays the same, whatever becomes of `id`. */
  readonly key: string
  /** The message's own, under which it is stored once however often it is sent; minted anew when it has become too old. */
  readonly id: string
  readonly conversationId: string
  readonly content: string
  readonly metadata: Record<string, unknown> | null
  readonly createdAt: string
  readonly status: 'sending' | 'sent' | 'failed'
  /** Its place in the conversation, once it is sent. */
  readonly seq?: number
  /** Why it has failed. */
  readonly problem?: Pick<ChatProblem, 'code' | 'status' | 'detail'>
}

/** Keeps what was not sent for the next time that the application is opened. What it throws is told by the event `problem`. */
export interface OutboxStorage {
  load(): readonly Outgoing[] | Promise<readonly Outgoing[]>
  /** All there is now, in place of what there was. */
  save(messages: readonly Outgoing[]): void | Promise<void>
}

/**
 * Messages of this user until they are stored. Those of one conversation go one after the other, in the order in which they were
 * added, each under one id until its ack is there, over as many connections as that takes.
 */
export interface Outbox {
  /** Oldest first. */
  list(): Outgoing[]
  add(conversationId: string, message: NewMessage): Outgoing
  /** Sends one again that has failed. */
  retry(key: string): void
  /** Gives up one that has failed. */
  discard(key: string): void
  /** Takes what an earlier run has left behind; it goes first. */
  restore(messages: readonly Outgoing[]): void
  /** This message was seen to be stored: its ack was lost. */
  seen(message: Message): void
  /** There is a connection. */
  resume(): void
  /** There is none. */
  suspend(): void
}

export interface OutboxListener {
  /** One is new, is sent, or has failed. */
  changed(message: Outgoing): void
  /** A message is stored. */
  stored(message: Message): void
  /** What `list` returns is another than before. */
  save(messages: readonly Outgoing[]): void
}

/** No message is stored under this id, so another one does no harm. */
const codesOfUselessIds: readonly ChatProblemCode[] = ['message_id_expired', 'message_id_taken']
const hasUselessId = ({ code, errors }: ChatProblem): boolean =>
  codesOfUselessIds.includes(code) || errors.some(({ path }) => /^(data\.)?id$/.test(path))

const maxMints = 3

interface Entry {
  message: Outgoing
  isOnItsWay: boolean
  mints: number
}

type Ack = Actions['message.send']['ack']

export const createOutbox = (
  environment: Environment,
  { ask }: Pick<Connection, 'ask'>,
  serverTime: ServerTime,
  userId: string,
  listener: OutboxListener,
): Outbox => {
  let entries: Entry[] = []
  let isConnected = false
  let failures = 0
  let cancelPause: (() => void) | undefined

  const list = (): Outgoing[] => entries.map(({ message }) => message)
  const saveAll = (): void => listener.save(list())
  const remove = (entry: Entry): void => {
    entries = entries.filter(each => each !== entry)
    saveAll()
  }
  const change = (entry: Entry, changes: Partial<Outgoing>): void => {
    entry.message = { ...entry.message, ...changes }
    listener.changed(entry.message)
  }
  const find = (key: string): Entry | undefined => entries.find(({ message }) => message.key === key)

  const settle = (entry: Entry, { id, seq }: Pick<Message, 'id' | 'seq'>): void => {
    remove(entry)
    change(entry, { id, seq, status: 'sent' })
  }
  const acknowledge = (entry: Entry, { id, conversationId, seq, sentAt }: Ack): void => {
    if (!entries.includes(entry)) return
    const { content, metadata } = entry.message
    settle(entry, { id, seq })
    const own = { senderId: userId, type: 'text', deletedAt: null, status: 'sent' } as const
    listener.stored({ ...own, id, conversationId, seq, content, metadata, sentAt })
  }
  const fail = (entry: Entry, { code, status, detail }: ChatProblem): void => {
    change(entry, { status: 'failed', problem: { code, status, detail } })
    saveAll()
  }

  /** Nothing more is sent for a while: whatever is wrong concerns all of it. */
  const rest = (problem: ChatProblem): void => {
    if (!isConnected || cancelPause) return
    failures += 1
    cancelPause = environment.after(backOffMs(environment, failures, problem.retryAfterSeconds), () => {
      cancelPause = undefined
      sendDue()
    })
  }

  /** Minted by what the server says is the time now: the id shows that this machine was wrong about it. */
  const mintAnew = async (entry: Entry): Promise<void> => {
    const { serverTime: time } = await ask('ping', {})
    serverTime.observe(time)
    entry.mints += 1
    entry.message = { ...entry.message, id: mintId(serverTime.now()) }
    saveAll()
  }

  const send = async (entry: Entry): Promise<void> => {
    const { id, conversationId, content, metadata } = entry.message
    try {
      const ack = await ask('message.send', { id, conversationId, content, ...(metadata && { metadata }) })
      failures = 0
      acknowledge(entry, ack)
    } catch (error) {
      const problem = asChatProblem(error)
      if (!entries.includes(entry)) return
      if (problem.isRetryable) return rest(problem)
      if (!hasUselessId(problem) || entry.mints === maxMints) return fail(entry, problem)
      await mintAnew(entry).catch(reason => rest(asChatProblem(reason)))
    }
  }

  /** The first of each conversation, unless it is on its way. */
  const sendDue = (): void => {
    if (!isConnected || cancelPause) return
    const begun = new Set<string>()
    for (const entry of entries) {
      const { conversationId, status } = entry.message
      if (status === 'failed' || begun.has(conversationId)) continue
      begun.add(conversationId)
      if (entry.isOnItsWay) continue
      entry.isOnItsWay = true
      void send(entry).then(() => {
        entry.isOnItsWay = false
        sendDue()
      })
    }
  }

  return {
    list,
    add: (conversationId, { content, metadata = null }) => {
      const now = serverTime.now()
      const id = mintId(now)
      const createdAt = new Date(now).toISOString()
      const message: Outgoing = { key: id, id, conversationId, content, metadata, createdAt, status: 'sending' }
      const entry = { message, isOnItsWay: false, mints: 0 }
      entries.push(entry)
      saveAll()
      listener.changed(message)
      sendDue()
      return message
    },
    retry: key => {
      const entry = find(key)
      if (entry?.message.status !== 'failed') return
      const { problem, ...message } = entry.message
      entry.message = message
      entry.mints = 0
      change(entry, { status: 'sending' })
      saveAll()
      sendDue()
    },
    discard: key => {
      const entry = find(key)
      if (entry?.message.status === 'failed') remove(entry)
    },
    restore: messages => {
      const known = new Set(entries.map(({ message }) => message.key))
      const earlier = messages
        .filter(({ key }) => !known.has(key))
        .map(message => ({ message, isOnItsWay: false, mints: 0 }))
      entries = [...earlier, ...entries]
      saveAll()
      for (const { message } of earlier) listener.changed(message)
      sendDue()
    },
    seen: message => {
      const entry = entries.find(each => each.message.id === message.id)
      if (entry && message.senderId === userId) settle(entry, message)
    },
    resume: () => {
      isConnected = true
      failures = 0
      sendDue()
    },
    suspend: () => {
      isConnected = false
      cancelPause?.()
      cancelPause = undefined
    },
  }
}
