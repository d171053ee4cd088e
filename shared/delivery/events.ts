import * as z from 'zod'
import { BusinessStanding, Conversation, Participant } from '../conversations/conversations.schema.ts'
import { Message } from '../messages/messages.schema.ts'
import { Presence } from '../presence/presence.schema.ts'
import { TypingStarted } from '../presence/typing.schema.ts'
import { Deletion } from '../sync/changes.schema.ts'
import { SyncCompleted } from './sync.schema.ts'

export const ClientSettings = z.object({
  heartbeatSeconds: z.int(),
  gapSeconds: z.int(),
  reconnectAfterSeconds: z.int(),
})

export const SessionReady = z.object({
  connectionId: z.string(),
  userId: z.uuid(),
  /** How many messages were replayed. */
  replayed: z.int(),
  unreadTotal: z.int(),
  serverTime: z.iso.datetime(),
  settings: ClientSettings,
})

export const MessageCreated = z.object({ message: Message })

/** In `seq` order. */
export const MessagesBatch = z.object({
  conversationId: z.uuid(),
  messages: z.array(Message),
  replayed: z.literal(true),
})

/** Up to where somebody holds everything, or has read. */
export const PositionMoved = z.object({ conversationId: z.uuid(), userId: z.uuid(), seq: z.int() })

export const ConversationChanged = z.object({ conversation: Conversation })
export const ParticipantChanged = z.object({ conversationId: z.uuid(), participant: Participant })

/** A user with whom something in a conversation has come to its end. */
export const UserOfConversation = z.object({ conversationId: z.uuid(), userId: z.uuid() })

export const AssignmentChanged = z.object({
  conversationId: z.uuid(),
  ...BusinessStanding.pick({ status: true, agentId: true }).shape,
})

/** Everything that the server says to a client by itself. Clients ignore events that they do not know. */
export const serverEvents = {
  'session.ready': SessionReady,
  'message.created': MessageCreated,
  'messages.batch': MessagesBatch,
  'message.deleted': Deletion,
  'message.delivered': PositionMoved,
  'message.read': PositionMoved,
  'sync.completed': SyncCompleted,
  'typing.started': TypingStarted,
  'typing.stopped': UserOfConversation,
  'presence.changed': Presence,
  'conversation.created': ConversationChanged,
  'conversation.updated': ConversationChanged,
  'participant.added': ParticipantChanged,
  'participant.removed': UserOfConversation,
  'participant.updated': ParticipantChanged,
  'assignment.changed': AssignmentChanged,
} as const

type ServerEvents = typeof serverEvents
export type ServerEvent = {
  [Name in keyof ServerEvents]: { event: Name; data: z.output<ServerEvents[Name]> }
}[keyof ServerEvents]
