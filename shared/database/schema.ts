import type { ColumnType, Generated, RawBuilder } from 'kysely'

/**
 * A position in a conversation: the `seq` of a message, 1 and up, 0 before the first. Safe as a number up to 2^53.
 * A transaction id (`xid8`) is kept as text: it is only ever compared inside Postgres.
 */
type TransactionId = ColumnType<string, RawBuilder<string> | undefined, RawBuilder<string>>

export type ConversationType = 'direct' | 'group' | 'business'
export type ParticipantRole = 'customer' | 'agent' | 'business' | 'member' | 'admin'
export type MessageType = 'text' | 'system'

export interface UsersTable {
  id: string
  kaha_id: string | null
  created_at: Date
}

export interface ConversationsTable {
  id: string
  type: ConversationType
  name: string | null
  /** The two users of a direct conversation in order; null for other types. */
  direct_low: string | null
  direct_high: string | null
  created_by: string
  created_at: Date
  last_seq: Generated<number>
  last_message_id: string | null
  last_activity_at: Date
  changed_xid: TransactionId
}

export interface ParticipantsTable {
  conversation_id: string
  user_id: string
  role: ParticipantRole
  joined_at: Date
  left_at: Date | null
  /** What the participant sees begins behind this position. */
  joined_seq: number
  last_read_seq: number
  last_delivered_seq: number
  is_muted: Generated<boolean>
  muted_until: Date | null
  changed_xid: TransactionId
}

export interface MessagesTable {
  id: string
  conversation_id: string
  seq: number
  sender_id: string
  type: MessageType
  content: string | null
  /** `json`, not `jsonb`: it is kept as it came, with every escape that `jsonb` refuses. */
  metadata: ColumnType<Record<string, unknown> | null, string | null, string | null>
  sent_at: Date
  deleted_at: Date | null
  changed_xid: TransactionId
}

export interface Database {
  users: UsersTable
  conversations: ConversationsTable
  participants: ParticipantsTable
  messages: MessagesTable
}
