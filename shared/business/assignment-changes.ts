import type { AuditAction, AuditEntry } from '../audit/audit.ts'
import type { BusinessConversationStatus } from '../database/schema.ts'
import type { BusinessConversationRow } from './business-conversations.repository.ts'

/** What somebody did to a conversation, by which it changed. */
export interface AskedFor {
  action: AuditAction
  userId: string
  businessId?: string | undefined
  reason?: string | undefined
}

/** What a turn has changed about one conversation, to be told when it is committed. What it has become is in Postgres. */
export interface AssignmentChange {
  conversationId: string
  customerId: string
  /** It was opened by this turn. */
  isNew: boolean
  status: BusinessConversationStatus
  /** Whose it is now. */
  agentId: string | null
  /** Who has become its agent, and was not in the conversation as such. */
  joined: string | null
  /** Who was its agent, and sees it no more. */
  left: readonly string[]
  /** Nobody did: it came of something else. */
  askedFor?: AskedFor | undefined
}

/** One entry for each conversation: what it has become, and what happened on the way there. */
export type AssignmentChanges = Map<string, AssignmentChange>

export const noteChange = (
  changes: AssignmentChanges,
  { conversation_id: conversationId, customer_id: customerId }: BusinessConversationRow,
  {
    status,
    isNew = false,
    agentId = null,
    joined = null,
    left = [],
  }: Pick<AssignmentChange, 'status'> & Partial<AssignmentChange>,
): void => {
  const earlier = changes.get(conversationId)
  changes.set(conversationId, {
    conversationId,
    customerId,
    isNew: isNew || (earlier?.isNew ?? false),
    status,
    agentId,
    joined,
    left: [...(earlier?.left ?? []), ...left],
    askedFor: earlier?.askedFor,
  })
}

/** Notes who asked for what has changed about a conversation, if something has. */
export const noteAskedFor = (changes: AssignmentChanges, conversationId: string, askedFor: AskedFor): void => {
  const change = changes.get(conversationId)
  if (change) change.askedFor = askedFor
}

/** The conversations whose customers have to wait. */
export const queuedOf = (changes: AssignmentChanges): string[] =>
  [...changes.values()].filter(({ status }) => status === 'queued').map(({ conversationId }) => conversationId)

const actionOf = {
  assigned: 'conversation.assigned',
  queued: 'conversation.queued',
  closed: 'conversation.closed',
} as const satisfies Record<BusinessConversationStatus, AuditAction>

/** The changes as they go on record. */
export const auditEntries = (businessId: string, changes: AssignmentChanges): AuditEntry[] =>
  [...changes.values()].map(({ conversationId, customerId, status, agentId, left, askedFor }) => ({
    action: actionOf[status],
    ...askedFor,
    target: { conversationId, businessId, status, ...(agentId !== null && { agentId }) },
    others: [customerId, ...left],
  }))
