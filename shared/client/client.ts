import { createCatchUp } from './catch-up.ts'
import { createConnection } from './connection.ts'
import { createCredentials, type TokenProvider } from './credentials.ts'
import { ticketDoor, tokenDoor } from './door.ts'
import { createEmitter, type Emitter } from './emitter.ts'
import { type Environment, ownEnvironment } from './environment.ts'
import { createHttp, type Http } from './http.ts'
import { mintId } from './message-id.ts'
import { createOutbox, type NewMessage, type Outbox, type OutboxStorage, type Outgoing } from './outbox.ts'
import { mayBeChanged } from './plain.ts'
import { createPositions } from './positions.ts'
import { createPresenceWatch } from './presence-watch.ts'
import { asChatProblem, type ChatProblem } from './problem.ts'
import { createReceiver } from './receive.ts'
import type { ConversationsQuery, HistoryQuery } from './routes.ts'
import { createServerTime } from './server-time.ts'
import type {
  Conversation,
  ConversationPage,
  Deletion,
  Message,
  MessagePage,
  MessageStatus,
  NewBusinessChat,
  NewGroup,
  OpenedConversation,
  Presence,
} from './service.ts'
import { createStore } from './store.ts'
import { storeOutbox } from './stored-outbox.ts'
import { createTyping } from './typing.ts'

export interface ChatOptions {
  /** `HttpApiUrl` of the service. */
  httpUrl: string
  /**
   * `WebSocketUrl` of the service: then the token itself is in the URL of each handshake. Without it a ticket is, which is of use
   * once, and for half a minute; URLs end up in logs.
   */
  webSocketUrl?: string | undefined
  /** Whose client it is: the `id` of their tokens. */
  userId: string
  token: TokenProvider
  outboxStorage?: OutboxStorage
  environment?: Partial<Environment>
}

/**
 * `closed`: not wanted. `connecting`: there is no connection, or not yet again. `catching-up`: what was missed is on its way.
 * `online`: what is shown is what there is.
 */
export type ConnectionState = 'closed' | 'connecting' | 'catching-up' | 'online'

export interface ChatEvents {
  connection: ConnectionState
  /** Each message of each conversation once, in the order of `seq`, those of this client included. */
  message: Message
  /** An own message that is on its way is new, is sent or has failed. Once it is sent, it comes as `message`, too. */
  outgoing: Outgoing
  /** A message was deleted; it may be one that was never seen here. */
  deletion: Deletion
  /** A conversation is new, or anything about it has changed: a name, a member, a position, how many messages are unread. */
  conversation: Conversation
  /** The user is not, or no longer, in this conversation. */
  left: { conversationId: string }
  /** Who types there now. */
  typing: { conversationId: string; userIds: string[] }
  /** Somebody about whom `presence` was asked, or with whom the user shares a conversation, has come or gone. */
  presence: Presence
  /** What went wrong without anybody having asked for it. */
  problem: ChatProblem
}

/** A user's end of the chat service. Calls that ask the service reject with a `ChatProblem`. */
export interface Chat
  extends Pick<Emitter<ChatEvents>, 'on'>,
    Pick<Http, 'request'>,
    Pick<Outbox, 'retry' | 'discard'> {
  readonly userId: string
  readonly connection: ConnectionState
  /** Milliseconds since 1970 by the server's clock. */
  serverNow(): number
  /** Connects, and stays connected. Resolves once everything is up to date for the first time. */
  connect(): Promise<void>
  /** Ends the connection. What was not sent stays in the outbox. */
  close(): void

  /** What is known of the user's conversations: once connected all of them, newest activity first. */
  readonly known: Conversation[]
  /** One page of the user's conversations, newest activity first. */
  conversations(query?: ConversationsQuery): Promise<ConversationPage>
  /** One that is known, or else the service's answer. */
  conversation(conversationId: string): Promise<Conversation>
  openDirect(targetUserId: string): Promise<Conversation>
  createGroup(group: NewGroup): Promise<Conversation>
  openBusiness(opening: NewBusinessChat): Promise<OpenedConversation>
  /** A page of a conversation in the order of `seq`; without a position the newest. */
  history(conversationId: string, query?: HistoryQuery): Promise<MessagePage>

  /** Sends a message, now or as soon as there is a connection. It can be shown at once. */
  send(conversationId: string, message: string | NewMessage): Outgoing
  /** Own messages that are on their way or have failed, oldest first. */
  readonly outbox: Outgoing[]
  /** How far an own message has come with everybody else. */
  statusOf(message: Pick<Message, 'conversationId' | 'seq'>): MessageStatus
  /** Deletes a message for everybody. */
  delete(message: Pick<Message, 'conversationId' | 'id'>): Promise<void>
  /** The user has read a conversation up to `seq`, by default all of it. */
  markRead(conversationId: string, seq?: number): void
  /** The user types, or has stopped: may be called with each key. */
  typing(conversationId: string, isTyping?: boolean): void
  /** Who of these users is online. Those whom the event `presence` is to tell of, too. */
  presence(userIds: readonly string[]): Promise<Presence[]>
}

export const createChat = ({ userId, httpUrl, webSocketUrl, token, ...options }: ChatOptions): Chat => {
  const environment: Environment = { ...ownEnvironment, ...options.environment }
  const { on, emit } = createEmitter<ChatEvents>()
  const failed = (error: unknown): void => emit('problem', asChatProblem(error))
  const serverTime = createServerTime(environment)
  const credentials = createCredentials(token)
  const http = createHttp(environment, httpUrl, credentials)

  let isWanted = false
  let state: ConnectionState = 'closed'
  const enter = (next: ConnectionState): void => {
    if (state === next) return
    state = next
    emit('connection', next)
  }

  const door = webSocketUrl === undefined ? ticketDoor(credentials, http) : tokenDoor(credentials, webSocketUrl)
  const connection = createConnection(environment, door, {
    opening: () => enter('connecting'),
    opened: () => {
      enter('catching-up')
      for (const part of connected) part.resume()
      presence.refresh().catch(failed)
    },
    received: event => {
      serverTime.observe(event.at)
      receive(event)
    },
    failed,
    closed: () => {
      enter(isWanted ? 'connecting' : 'closed')
      for (const part of connected) part.suspend()
      typing.reset()
    },
  })
  const delivered = createPositions(environment, connection, 'message.delivered', failed)
  const read = createPositions(environment, connection, 'message.read', failed)
  const typing = createTyping(environment, connection, serverTime, (conversationId, userIds) =>
    emit('typing', { conversationId, userIds }),
  )
  const presence = createPresenceWatch(http, changed => emit('presence', changed))
  /** The ack of a message does not say what became of its text. */
  const asStored = async (message: Message): Promise<Message> => {
    if (!mayBeChanged(message.content ?? '')) return message
    const params = { id: message.conversationId, messageId: message.id }
    return http.request('GET /conversations/{id}/messages/{messageId}', { params }).catch(() => message)
  }
  const stored = storeOutbox(options.outboxStorage, failed)
  const outbox = createOutbox(environment, connection, serverTime, userId, {
    changed: message => emit('outgoing', message),
    stored: async message => store.take(message.conversationId, [await asStored(message)]),
    save: stored.save,
  })
  const store = createStore(
    environment,
    { http, userId, delivered },
    {
      conversation: conversation => emit('conversation', conversation),
      left: conversationId => {
        read.forget(conversationId)
        emit('left', { conversationId })
      },
      arrived: message => {
        outbox.seen(message)
        typing.wrote(message.conversationId, message.senderId)
      },
      message: message => emit('message', message),
      deletion: deletion => emit('deletion', deletion),
      gap: () => catchUp.gap(),
      failed,
    },
  )
  const { conversations } = store
  const catchUp = createCatchUp(environment, { http, connection, store }, { done: () => enter('online'), failed })
  /** Whatever works only while there is a connection. */
  const connected = [store.sequences, catchUp, outbox, delivered, read]
  const receive = createReceiver(userId, { store, typing, presence, catchUp })

  let restored: Promise<void> | undefined
  let forgetNetwork = () => {}
  const upToDate = (): Promise<void> =>
    new Promise(resolve => {
      const stop = on('connection', next => {
        if (next !== 'online' && next !== 'closed') return
        stop()
        resolve()
      })
    })

  return {
    userId,
    on,
    request: http.request,
    get connection() {
      return state
    },
    serverNow: serverTime.now,
    connect: async () => {
      if (state === 'online') return
      isWanted = true
      enter('connecting')
      const done = upToDate()
      restored ??= stored.load().then(outbox.restore)
      await restored
      if (isWanted) {
        forgetNetwork()
        forgetNetwork = environment.onNetwork(connection.hurry)
        connection.open()
      }
      await done
    },
    close: () => {
      isWanted = false
      forgetNetwork()
      connection.close()
      enter('closed')
    },

    get known() {
      return conversations.list()
    },
    conversations: async query => {
      const page = await http.request('GET /conversations', { query: query ?? {} })
      for (const view of page.items) store.adopt(view)
      return page
    },
    conversation: async id =>
      conversations.get(id) ?? store.adopt(await http.request('GET /conversations/{id}', { params: { id } })),
    openDirect: async targetUserId =>
      store.adopt(await http.request('POST /conversations/direct', { body: { targetUserId } })),
    createGroup: async group =>
      store.adopt(
        await http.request('POST /conversations/group', { body: { id: mintId(serverTime.now()), ...group } }),
      ),
    openBusiness: async opening => store.adopt(await http.request('POST /conversations/business', { body: opening })),
    history: (id, query = {}) => http.request('GET /conversations/{id}/messages', { params: { id }, query }),

    send: (conversationId, message) => {
      typing.sent(conversationId)
      return outbox.add(conversationId, typeof message === 'string' ? { content: message } : message)
    },
    get outbox() {
      return outbox.list()
    },
    retry: outbox.retry,
    discard: outbox.discard,
    statusOf: conversations.statusOf,
    delete: async ({ conversationId, id }) => {
      await http.request('DELETE /conversations/{id}/messages/{messageId}', {
        params: { id: conversationId, messageId: id },
      })
    },
    markRead: (conversationId, seq = Number.MAX_SAFE_INTEGER) => {
      const part = conversations.partIn(conversationId)
      const upTo = Math.min(seq, conversations.get(conversationId)?.lastSeq ?? 0)
      if (!part || upTo <= part.lastReadSeq) return
      conversations.advance(conversationId, userId, 'lastReadSeq', upTo)
      read.note(conversationId, upTo)
    },
    typing: (conversationId, isTyping = true) => typing.tell(conversationId, isTyping),
    presence: presence.of,
  }
}
