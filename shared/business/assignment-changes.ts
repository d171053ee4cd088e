import type { BusinessConversationStatus } from '../database/schema.ts'
import type { BusinessConversationRow } from './business-conversations.repository.ts'

/** What a turn has changed about one conversation, to be told when it is committed. */
export interface AssignmentChange {
  conversationId: string
  customerId: string
  status: BusinessConversationStatus
  agentId: string | null
  /** The agent is new in the conversation. */
  hasJoined: boolean
  /** Who was its agent, and sees it no more. */
  left: readonly string[]
}

/** One entry for each conversation: what it has become, and what happened on the way there. */
export type AssignmentChanges = Map<string, AssignmentChange>

export const noteChange = (
  changes: AssignmentChanges,
  { conversation_id: conversationId, customer_id: customerId }: BusinessConversationRow,
  change: Pick<AssignmentChange, 'status' | 'agentId' | 'hasJoined' | 'left'>,
): void => {
  const left = [...(changes.get(conversationId)?.left ?? []), ...change.left]
  changes.set(conversationId, { ...change, conversationId, customerId, left })
}
