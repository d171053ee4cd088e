import type {
  LeftUnread,
  MessageReference,
  MessageToSend,
  NewPositions,
  ProblemDocument,
  SentMessage,
  ServerEvent,
  ServerTime,
  SyncAccepted,
  SyncFrom,
  TypingEnd,
  TypingIn,
} from './service.ts'

interface Action<Data, Ack> {
  data: Data
  ack: Ack
}

type Nothing = Record<never, never>

/** What a client may ask for over the socket, and what it is answered. */
export interface Actions {
  heartbeat: Action<Nothing, never>
  ping: Action<Nothing, ServerTime>
  'message.send': Action<MessageToSend, SentMessage>
  'message.delete': Action<MessageReference, Nothing>
  'message.delivered': Action<NewPositions, Nothing>
  'message.read': Action<NewPositions, LeftUnread>
  'typing.start': Action<TypingIn, TypingEnd>
  'typing.stop': Action<TypingIn, TypingEnd>
  sync: Action<SyncFrom, SyncAccepted>
}

/** There may be events that a client does not know, which it ignores. */
export type SocketEvent = ServerEvent & { at: string }

interface Ack {
  event: 'ack'
  requestId: string
  data: unknown
}

interface ErrorFrame {
  event: 'error'
  requestId?: string
  error: ProblemDocument
}

export type ServerFrame = SocketEvent | Ack | ErrorFrame
