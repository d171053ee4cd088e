import type { Viewer } from '../auth/caller.ts'
import { type ConversationRow, findConversation } from '../conversations/conversations.repository.ts'
import type { Conversation } from '../conversations/conversations.schema.ts'
import { type LoadViewsDeps, loadViews } from '../conversations/load-views.ts'
import { conversationNotFound } from '../platform/problems.ts'
import type { OpenedConversation } from './business.schema.ts'
import { findAssignment } from './business-conversations.repository.ts'

/**
 * Conversations of a business for one of its staff, in the order given. An agent learns of those that are another's, or nobody's,
 * that they are there, and nothing of what is in them.
 */
export const loadStaffViews = async (
  deps: LoadViewsDeps,
  viewer: Viewer,
  businessId: string,
  rows: readonly ConversationRow[],
): Promise<Conversation[]> => {
  const views = await loadViews(deps, { id: viewer.id, businessId }, rows)
  if (viewer.businessId === businessId) return views
  return views.map(view =>
    view.participants.some(({ userId }) => userId === viewer.id)
      ? view
      : { ...view, lastMessage: null, unreadCount: 0 },
  )
}

/**
 * A business conversation and who has it, for somebody who may just have changed that. Throws `not_found` when it does not exist.
 */
export const viewWithAssignment = async (
  deps: LoadViewsDeps,
  { viewer, conversationId, businessId }: { viewer: Viewer; conversationId: string; businessId: string },
): Promise<OpenedConversation> => {
  const row = await findConversation(deps.db, conversationId)
  const [conversation] = await loadStaffViews(deps, viewer, businessId, row ? [row] : [])
  const assignment = await findAssignment(deps.db, conversationId)
  if (!conversation || !assignment) throw conversationNotFound()
  return { ...conversation, assignment }
}
