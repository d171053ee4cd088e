import type { Conversation, Participant } from '../conversations/conversations.schema.ts'
import type { BusinessConversationStatus } from '../database/schema.ts'
import type { Message } from '../messages/messages.schema.ts'
import type { Presence } from '../presence/presence.schema.ts'
import type { clientSettings } from './session.ts'

/** Everything that the server says to a client by itself. Clients ignore events that they do not know. */
export type ServerEvent =
  | { event: 'message.created'; data: { message: Message } }
  | {
      event: 'message.deleted'
      data: { conversationId: string; messageId: string; seq: number; deletedAt: string }
    }
  | { event: 'conversation.created' | 'conversation.updated'; data: { conversation: Conversation } }
  | { event: 'participant.added' | 'participant.updated'; data: { conversationId: string; participant: Participant } }
  | {
      event: 'assignment.changed'
      data: { conversationId: string; status: BusinessConversationStatus; agentId: string | null }
    }
  | { event: 'participant.removed'; data: { conversationId: string; userId: string } }
  | { event: 'message.delivered' | 'message.read'; data: { conversationId: string; userId: string; seq: number } }
  | {
      event: 'session.ready'
      data: {
        connectionId: string
        userId: string
        /** How many messages were replayed. */
        replayed: number
        unreadTotal: number
        serverTime: string
        settings: typeof clientSettings
      }
    }
  | {
      event: 'sync.completed'
      data: {
        requestId: string | undefined
        conversations: { id: string; throughSeq: number; hasMore: boolean }[]
      }
    }
  | { event: 'presence.changed'; data: Presence }
  | { event: 'typing.started'; data: { conversationId: string; userId: string; expiresAt: string } }
  | { event: 'typing.stopped'; data: { conversationId: string; userId: string } }
