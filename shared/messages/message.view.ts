import type { MessageRow } from './messages.repository.ts'
import type { Message, MessageStatus } from './messages.schema.ts'

/** How far a participant has come in a conversation. */
export interface Positions {
  last_read_seq: number
  last_delivered_seq: number
}

/**
 * How far a message has come with everybody but its sender: as far as with the one who is furthest behind. Who has read it
 * has it, so `read` counts as delivered, too.
 */
export const statusOf = (seq: number, others: readonly Positions[]): MessageStatus => {
  if (others.length === 0) return 'sent'
  if (others.every(other => other.last_read_seq >= seq)) return 'read'
  return others.every(other => Math.max(other.last_delivered_seq, other.last_read_seq) >= seq) ? 'delivered' : 'sent'
}

/** A message as everybody but its sender sees it. */
export const seenByOthers = (row: MessageRow): Message => ({
  id: row.id,
  conversationId: row.conversation_id,
  seq: row.seq,
  senderId: row.sender_id,
  type: row.type,
  content: row.content,
  metadata: row.metadata,
  sentAt: row.sent_at.toISOString(),
  deletedAt: row.deleted_at?.toISOString() ?? null,
})

/** A message as this user sees it. */
export const messageView = (row: MessageRow, viewerId: string, others: readonly Positions[]): Message => ({
  ...seenByOthers(row),
  ...(row.sender_id === viewerId && { status: statusOf(row.seq, others) }),
})
