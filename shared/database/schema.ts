import type { ColumnType, Generated, RawBuilder } from 'kysely'
import type { BusinessHours } from '../business/hours.schema.ts'
import type { QuietHours } from '../notifications/preferences.schema.ts'

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
  /** Null until the first message since it is noted. */
  last_sender_id: string | null
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
  /** The content key that `body` is sealed with; both are null once deleted. */
  key_id: number | null
  body: Buffer | null
  /** Of messages from before they were encrypted, until the job has come to them. */
  content: Generated<string | null>
  metadata: Generated<Record<string, unknown> | null>
  sent_at: Date
  deleted_at: Date | null
  changed_xid: TransactionId
}

export interface ContentKeysTable {
  id: Generated<number>
  wrapped: Buffer
  created_at: Date
  /** Null: it is the one that new messages are encrypted with. */
  retired_at: Date | null
  /** Of a retired key: the message up to which the walk has come, and how many of the key's it has met. */
  walk_at: string | null
  walk_found: Generated<number>
}

export type AssignmentStrategy = 'round_robin' | 'least_busy'
export type BusinessConversationStatus = 'queued' | 'assigned' | 'closed'

export interface BusinessesTable {
  id: string
  strategy: Generated<AssignmentStrategy>
  /** What a customer who has to wait is told, instead of our own text. */
  auto_reply: string | null
  /** Null: always open. */
  hours: ColumnType<BusinessHours | null, string | null, string | null>
  /** How many conversations were ever given to its agents. */
  assignment_count: Generated<number>
  created_at: Date
}

export interface AgentsTable {
  business_id: string
  agent_id: string
  max_concurrent_chats: Generated<number>
  skills: Generated<string[]>
  is_available: Generated<boolean>
  added_at: Date
  /** The business' `assignment_count` when the agent got their last conversation; 0 before the first. */
  last_assignment: Generated<number>
}

/** What a conversation of type `business` has beside every other. */
export interface BusinessConversationsTable {
  conversation_id: string
  business_id: string
  customer_id: string
  status: BusinessConversationStatus
  /** Whose it is; of a closed one whose it was, null when nobody took it. */
  agent_id: string | null
  /** 0 urgent, 1 high, 2 normal, 3 low. */
  priority_rank: number
  category: string | null
  opened_at: Date
  /** Since when the customer waits, or has waited: the opening, or the last time that it was opened again. */
  queued_at: Date
  assigned_at: Date | null
  /** The present agent's first message since it was given to them. */
  answered_at: Date | null
  first_response_at: Date | null
  first_response_by: string | null
  closed_at: Date | null
  /** The customer got the system message that they have to wait, and no answer since. */
  is_told_to_wait: Generated<boolean>
}

export interface NotificationPreferencesTable {
  user_id: string
  push_enabled: boolean
  /** Null: none. */
  quiet_hours: ColumnType<QuietHours | null, string | null, string | null>
  /** Types of conversations that they want no push requests for. */
  muted_types: ConversationType[]
}

export interface Database {
  users: UsersTable
  conversations: ConversationsTable
  participants: ParticipantsTable
  messages: MessagesTable
  content_keys: ContentKeysTable
  businesses: BusinessesTable
  agents: AgentsTable
  business_conversations: BusinessConversationsTable
  notification_preferences: NotificationPreferencesTable
}
