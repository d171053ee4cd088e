import type { Chat, Deletion, Message, MessageStatus, Outgoing } from 'kaha-chat-client'

/** A message as it is shown, on its way or stored. */
export interface Row {
  readonly key: string
  readonly id: string
  readonly seq: number | null
  readonly senderId: string
  readonly isSystem: boolean
  /** Null once it is deleted. */
  readonly content: string | null
  readonly sentAt: string
  /** Of own messages. */
  readonly status: MessageStatus | 'sending' | 'failed' | null
  /** Why it has failed. */
  readonly reason: string | null
  /** Of one that is on its way or has failed. */
  readonly outgoingKey: string | null
}

/** The messages of one conversation, as far back as somebody has looked. */
export interface Thread {
  readonly conversationId: string
  /** The newest page is there. */
  readonly isLoaded: boolean
  readonly hasOlder: boolean
  rows(): Row[]
  /** Loads the newest page, once. */
  load(): Promise<void>
  /** Loads the page before what is there. */
  loadOlder(): Promise<void>
  add(message: Message): void
  erase(deletion: Deletion): void
}

const pageSize = 50

export const createThread = (
  chat: Chat,
  conversationId: string,
  outgoing: () => readonly Outgoing[],
  changed: () => void,
): Thread => {
  const messages = new Map<number, Message>()
  let loading: Promise<void> | undefined
  let isLoaded = false
  let hasOlder = false

  const take = async (query: { before?: number }): Promise<void> => {
    const page = await chat.history(conversationId, { limit: pageSize, ...query })
    for (const message of page.items) messages.set(message.seq, message)
    hasOlder = page.hasMore
    isLoaded = true
    changed()
  }
  const inOrder = (): Message[] => [...messages.values()].sort((a, b) => a.seq - b.seq)
  const rowOf = (message: Message): Row => ({
    key: message.id,
    id: message.id,
    seq: message.seq,
    senderId: message.senderId,
    isSystem: message.type === 'system',
    content: message.content,
    sentAt: message.sentAt,
    status: message.senderId === chat.userId ? chat.statusOf(message) : null,
    reason: null,
    outgoingKey: null,
  })
  const pendingRow = ({ key, id, content, createdAt, status, problem }: Outgoing): Row => ({
    // The message that is stored takes the place of this row, so it has the same key.
    key: id,
    id,
    seq: null,
    senderId: chat.userId,
    isSystem: false,
    content,
    sentAt: createdAt,
    status,
    reason: problem?.detail ?? null,
    outgoingKey: key,
  })

  return {
    conversationId,
    get isLoaded() {
      return isLoaded
    },
    get hasOlder() {
      return hasOlder
    },
    rows: () => {
      const stored = inOrder()
      const ids = new Set(stored.map(({ id }) => id))
      const pending = outgoing().filter(message => message.conversationId === conversationId && !ids.has(message.id))
      return [...stored.map(rowOf), ...pending.map(pendingRow)]
    },
    load: () => {
      loading ??= take({}).catch(error => {
        loading = undefined
        throw error
      })
      return loading
    },
    loadOlder: async () => {
      const [oldest] = inOrder()
      if (hasOlder && oldest) await take({ before: oldest.seq })
    },
    add: message => {
      messages.set(message.seq, message)
      changed()
    },
    erase: ({ seq, deletedAt }) => {
      const message = messages.get(seq)
      if (message) messages.set(seq, { ...message, content: null, metadata: null, deletedAt })
      changed()
    },
  }
}
