import type { BusinessConversationRow } from './business-conversations.repository.ts'

/** What a turn has changed about one conversation, to be told when it is committed. What it has become is in Postgres. */
export interface AssignmentChange {
  conversationId: string
  customerId: string
  /** It was opened by this turn. */
  isNew: boolean
  /** Its customer has to wait. */
  isQueued: boolean
  /** Who has become its agent, and was not in the conversation as such. */
  joined: string | null
  /** Who was its agent, and sees it no more. */
  left: readonly string[]
}

/** One entry for each conversation: what it has become, and what happened on the way there. */
export type AssignmentChanges = Map<string, AssignmentChange>

export const noteChange = (
  changes: AssignmentChanges,
  { conversation_id: conversationId, customer_id: customerId }: BusinessConversationRow,
  { isNew = false, isQueued = false, joined = null, left = [] }: Partial<AssignmentChange>,
): void => {
  const earlier = changes.get(conversationId)
  changes.set(conversationId, {
    conversationId,
    customerId,
    isNew: isNew || (earlier?.isNew ?? false),
    isQueued,
    joined,
    left: [...(earlier?.left ?? []), ...left],
  })
}

/** The conversations whose customers have to wait. */
export const queuedOf = (changes: AssignmentChanges): string[] =>
  [...changes.values()].filter(({ isQueued }) => isQueued).map(({ conversationId }) => conversationId)
