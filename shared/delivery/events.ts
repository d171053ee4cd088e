import type { Conversation, Participant } from '../conversations/conversations.schema.ts'
import type { Message } from '../messages/messages.schema.ts'

/** Everything that the server says to a client by itself. Clients ignore events that they do not know. */
export type ServerEvent =
  | { event: 'message.created'; data: { message: Message } }
  | {
      event: 'message.deleted'
      data: { conversationId: string; messageId: string; seq: number; deletedAt: string }
    }
  | { event: 'conversation.created' | 'conversation.updated'; data: { conversation: Conversation } }
  | { event: 'participant.added' | 'participant.updated'; data: { conversationId: string; participant: Participant } }
  | { event: 'participant.removed'; data: { conversationId: string; userId: string } }
