import type { Viewer } from '../auth/caller.ts'
import { fanOut } from '../delivery/fan-out.ts'
import { Problem } from '../platform/problems.ts'
import { requireAccess } from './access.ts'
import type { Mute } from './conversations.schema.ts'
import { type ConversationDeps, getConversation } from './conversations.ts'
import { setMute } from './participants.repository.ts'

/**
 * Mutes a conversation for the caller, without an end or until a time, or ends that: while it is muted nothing of it is a
 * reason to notify them. Their own connections are told, nobody else is. Atomic; repeating it changes nothing.
 *
 * Throws `not_found`, `validation_failed` (an end that has passed), `forbidden` for a business that manages the conversation
 * without being a participant: it is not notified anyway.
 */
export const muteConversation = async (
  deps: ConversationDeps,
  {
    caller,
    conversationId,
    isMuted,
    until,
  }: { caller: Viewer; conversationId: string; isMuted: boolean; until: Date | null },
): Promise<Mute> => {
  if (until && until <= deps.clock.now()) {
    throw new Problem('validation_failed', 'until: has passed.', { errors: [{ path: 'until', message: 'Has passed' }] })
  }
  if (!(await setMute(deps.db, { conversationId, userId: caller.id, isMuted, until }))) {
    await requireAccess(deps.db, conversationId, caller)
    throw new Problem('forbidden', 'Only a participant mutes a conversation. Who manages it is not notified anyway.')
  }
  const conversation = await getConversation(deps, caller, conversationId)
  await fanOut(deps, [caller.id], { event: 'conversation.updated', data: { conversation } })
  return { isMuted, mutedUntil: until?.toISOString() ?? null }
}
