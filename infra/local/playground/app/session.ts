import {
  type Chat,
  type ChatProblem,
  type Conversation,
  createChat,
  type Outgoing,
  type Presence,
} from 'kaha-chat-client'
import { counterpart } from './names.ts'
import { createSignal, type Observable } from './observable.ts'
import type { People, Person } from './people.ts'
import { createThread, type Thread } from './thread.ts'
import { createWire, type Wire } from './wire.ts'

/** A person who is signed in, in one pane: their client, and what is shown of it. */
export interface Session extends Observable {
  readonly person: Person
  readonly chat: Chat
  readonly wire: Wire
  /** What went wrong last, until somebody has seen it. */
  readonly problem: string | null
  report(error: unknown): void
  forgetProblem(): void
  thread(conversationId: string): Thread
  /** Gives up a message that has failed. */
  discard(key: string): void
  /** Who types there now, themselves excepted. */
  typists(conversationId: string): readonly string[]
  /** Undefined where it is not known, as without a connection. */
  isOnline(userId: string): boolean | undefined
  lastSeen(userId: string): string | null
  end(): void
}

const detailOf = (error: unknown): string =>
  error instanceof Error ? ((error as Partial<ChatProblem>).detail ?? error.message) : String(error)

export const startSession = (people: People, person: Person): Session => {
  const { subscribe, changed } = createSignal()
  const wire = createWire()
  const chat = createChat({
    httpUrl: location.origin,
    userId: person.id,
    token: () => people.token(person),
    environment: wire.environment,
  })
  const threads = new Map<string, Thread>()
  /** Until the stored message has come in its turn, which may be later than its ack. */
  const outgoing = new Map<string, Outgoing>()
  const typing = new Map<string, readonly string[]>()
  const presences = new Map<string, Presence>()
  const watched = new Set<string>()
  let problem: string | null = null

  const report = (error: unknown): void => {
    // Without a network nothing works, which is shown already.
    if ((error as Partial<ChatProblem>).code === 'unreachable') return
    problem = detailOf(error)
    changed()
  }
  /** Changes of presence are told in direct and business conversations only, so each new one of them is a reason to ask. */
  const watch = (conversation: Conversation): void => {
    const other = counterpart(conversation, person.id)?.userId
    if (other === undefined || watched.has(conversation.id)) return
    watched.add(conversation.id)
    chat.presence([other]).catch(report)
  }

  chat.on('connection', changed)
  chat.on('message', message => {
    for (const [key, { id }] of outgoing) if (id === message.id) outgoing.delete(key)
    threads.get(message.conversationId)?.add(message)
    changed()
  })
  chat.on('outgoing', message => {
    outgoing.set(message.key, message)
    changed()
  })
  chat.on('deletion', deletion => threads.get(deletion.conversationId)?.erase(deletion))
  chat.on('conversation', conversation => {
    watch(conversation)
    changed()
  })
  chat.on('left', ({ conversationId }) => {
    threads.delete(conversationId)
    changed()
  })
  chat.on('typing', ({ conversationId, userIds }) => {
    typing.set(conversationId, userIds)
    changed()
  })
  chat.on('presence', presence => {
    presences.set(presence.userId, presence)
    changed()
  })
  chat.on('problem', report)
  void chat.connect()

  return {
    subscribe,
    person,
    chat,
    wire,
    get problem() {
      return problem
    },
    report,
    forgetProblem: () => {
      problem = null
      changed()
    },
    thread: conversationId => {
      const known = threads.get(conversationId)
      if (known) return known
      const thread = createThread(chat, conversationId, () => [...outgoing.values()], changed)
      threads.set(conversationId, thread)
      return thread
    },
    discard: key => {
      chat.discard(key)
      outgoing.delete(key)
      changed()
    },
    typists: conversationId => typing.get(conversationId) ?? [],
    isOnline: userId => {
      const presence = chat.connection === 'connecting' ? undefined : presences.get(userId)
      return presence && presence.status === 'online'
    },
    lastSeen: userId => presences.get(userId)?.lastSeenAt ?? null,
    end: () => chat.close(),
  }
}
