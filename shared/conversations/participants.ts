import type { AuditEntry } from '../audit/audit.ts'
import type { Viewer } from '../auth/caller.ts'
import { fanOut } from '../delivery/fan-out.ts'
import { Problem } from '../platform/problems.ts'
import { mentionUsers } from '../users/users.ts'
import {
  type Access,
  audienceOf,
  lockAccess,
  notOfBusinessConversations,
  requireAdmin,
  requireChangingMembers,
  requireGroup,
} from './access.ts'
import { participantView } from './conversation.view.ts'
import { type GroupRole, maxGroupParticipants, type Participant } from './conversations.schema.ts'
import type { ConversationDeps } from './conversations.ts'
import { insertParticipants, type ParticipantRow, removeParticipant, setRole } from './participants.repository.ts'

interface Target {
  /** Who asks. */
  caller: Viewer
  conversationId: string
  /** Of whom. */
  targetUserId: string
}

const recordOf = (
  action: AuditEntry['action'],
  { caller, conversationId, targetUserId }: Target,
  role?: GroupRole,
): AuditEntry => ({
  action,
  userId: caller.id,
  businessId: caller.businessId,
  target: { conversationId, userId: targetUserId, ...(role && { role }) },
})

const participantsOf = ({ me, others, isParticipant }: Access): ParticipantRow[] =>
  isParticipant ? [me, ...others] : others

const findTarget = (access: Access, targetUserId: string): ParticipantRow => {
  const target = participantsOf(access).find(participant => participant.user_id === targetUserId)
  if (!target) throw new Problem('not_found', 'The user is not a participant of this conversation.')
  return target
}

const viewOf = async ({ profiles }: ConversationDeps, row: ParticipantRow): Promise<Participant> =>
  participantView(row, await profiles.load({ userIds: [row.user_id] }))

/**
 * Lets a user into a group, who sees it from now on; admins only. Into a business conversation the business lets members. Atomic, also against the limit of participants under
 * concurrent calls. Tells everybody, the new one included.
 */
export const addParticipant = async (
  deps: ConversationDeps,
  { role, ...target }: Target & { role: GroupRole },
): Promise<Participant> => {
  const { caller, conversationId, targetUserId } = target
  const now = deps.clock.now()
  const { userIds, row } = await deps.db.transaction().execute(async trx => {
    await mentionUsers(trx, [targetUserId], now)
    const access = await lockAccess(trx, conversationId, caller)
    requireChangingMembers(access)
    requireAdmin(access)
    if (access.business && role === 'admin') throw notOfBusinessConversations()
    const present = participantsOf(access).map(participant => participant.user_id)
    if (present.includes(targetUserId)) {
      throw new Problem('already_participant', 'The user is a participant of this conversation already.')
    }
    if (present.length >= maxGroupParticipants) {
      throw new Problem('group_full', `A group has at most ${maxGroupParticipants} participants.`)
    }
    const users = [{ userId: targetUserId, role }]
    const [row] = await insertParticipants(trx, { conversationId, users, joinedSeq: access.conversation.last_seq }, now)
    if (!row) throw new Error('The participant was not stored')
    return { userIds: [...audienceOf(access), targetUserId], row }
  })
  const participant = await viewOf(deps, row)
  await Promise.all([
    fanOut(deps, userIds, { event: 'participant.added', data: { conversationId, participant } }),
    deps.audit.record(recordOf('participant.added', target, role)),
  ])
  return participant
}

/** Who becomes admin when the last one leaves: who has been there longest. */
const heirOf = (access: Access, leaving: ParticipantRow): ParticipantRow | undefined => {
  const staying = participantsOf(access).filter(participant => participant !== leaving)
  if (leaving.role !== 'admin' || staying.some(participant => participant.role === 'admin')) return undefined
  return staying.sort((a, b) => a.joined_at.getTime() - b.joined_at.getTime())[0]
}

/**
 * Ends a user's part in a group: admins for anybody, everybody for themselves. In a business conversation the business does it
 * for members; its customer and its agent stay (`business_conversation`). Atomic; a send that waits for it is refused.
 * When the last admin leaves, the role goes to the longest-standing member. Tells everybody, the one who left included.
 */
export const removeFromGroup = async (deps: ConversationDeps, removal: Target): Promise<void> => {
  const { caller, conversationId, targetUserId } = removal
  const now = deps.clock.now()
  const { userIds, heir } = await deps.db.transaction().execute(async trx => {
    const access = await lockAccess(trx, conversationId, caller)
    requireChangingMembers(access)
    if (targetUserId !== caller.id) requireAdmin(access)
    const target = findTarget(access, targetUserId)
    if (access.business && target.role !== 'member') throw notOfBusinessConversations()
    const heir = heirOf(access, target)
    await removeParticipant(trx, target, now)
    if (heir) await setRole(trx, heir, 'admin')
    return { userIds: audienceOf(access), heir }
  })
  const inherited = heir && recordOf('participant.role_changed', { ...removal, targetUserId: heir.user_id }, 'admin')
  await Promise.all([
    fanOut(deps, userIds, { event: 'participant.removed', data: { conversationId, userId: targetUserId } }),
    deps.audit.record(recordOf('participant.removed', removal), ...(inherited ? [inherited] : [])),
  ])
  if (heir) {
    const staying = userIds.filter(id => id !== targetUserId)
    const participant = await viewOf(deps, { ...heir, role: 'admin' })
    await fanOut(deps, staying, { event: 'participant.updated', data: { conversationId, participant } })
  }
}

/** Makes a participant an admin or a member; admins only. The last admin stays one. Atomic; tells everybody of a change. */
export const changeRole = async (
  deps: ConversationDeps,
  { role, ...change }: Target & { role: GroupRole },
): Promise<Participant> => {
  const { caller, conversationId, targetUserId } = change
  const { userIds, target, changed } = await deps.db.transaction().execute(async trx => {
    const access = await lockAccess(trx, conversationId, caller)
    requireGroup(access)
    requireAdmin(access)
    const target = findTarget(access, targetUserId)
    const admins = [access.me, ...access.others].filter(other => other.role === 'admin')
    if (role === 'member' && target.role === 'admin' && admins.length === 1) {
      throw new Problem('last_admin', 'Make somebody else an admin first.')
    }
    const changed = target.role !== role
    if (changed) await setRole(trx, target, role)
    return { userIds: audienceOf(access), target, changed }
  })
  const participant = await viewOf(deps, { ...target, role })
  if (!changed) return participant
  await Promise.all([
    fanOut(deps, userIds, { event: 'participant.updated', data: { conversationId, participant } }),
    deps.audit.record(recordOf('participant.role_changed', change, role)),
  ])
  return participant
}
