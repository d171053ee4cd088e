import { priorityOf } from '../business/priority.ts'
import { messageView } from '../messages/message.view.ts'
import { type MessageRow, unreadCap } from '../messages/messages.repository.ts'
import type { LoadedProfiles } from '../profiles/profiles.ts'
import type { Access } from './access.ts'
import type { Conversation, Mute, Participant } from './conversations.schema.ts'
import type { ParticipantRow } from './participants.repository.ts'

/** How many names stand for a group that has none. */
const namesOfUnnamedGroup = 3

export const participantView = (row: ParticipantRow, profiles: LoadedProfiles): Participant => ({
  userId: row.user_id,
  role: row.role,
  joinedAt: row.joined_at.toISOString(),
  lastReadSeq: row.last_read_seq,
  lastDeliveredSeq: row.last_delivered_seq,
  profile: profiles.user(row.user_id),
})

/** What this participant should see as the name: the other one, the group's own name or the first few others, the business. */
export const displayName = ({ conversation, others, business }: Access, profiles: LoadedProfiles): string =>
  (business && profiles.business(business.business_id).name) ??
  conversation.name ??
  others
    .slice(0, namesOfUnnamedGroup)
    .map(other => profiles.user(other.user_id).name)
    .join(', ')

const avatarUrl = ({ conversation, others, business }: Access, profiles: LoadedProfiles): string | null => {
  if (business) return profiles.business(business.business_id).avatarUrl
  const [other] = others
  return conversation.type === 'direct' && other ? profiles.user(other.user_id).avatarUrl : null
}

const byJoining = (a: ParticipantRow, b: ParticipantRow): number =>
  a.joined_at.getTime() - b.joined_at.getTime() || (a.user_id < b.user_id ? -1 : 1)

/** As it counts at this time: a mute that has ended is none. */
const muteAt = ({ is_muted, muted_until }: ParticipantRow, now: Date): Mute => {
  const isMuted = is_muted && (muted_until === null || muted_until > now)
  return { isMuted, mutedUntil: isMuted && muted_until ? muted_until.toISOString() : null }
}

export const conversationView = (
  access: Access,
  {
    lastMessage,
    unread,
    profiles,
    now,
  }: { lastMessage: MessageRow | undefined; unread: number; profiles: LoadedProfiles; now: Date },
): Conversation => {
  const { conversation, me, others, isParticipant, business } = access
  return {
    id: conversation.id,
    type: conversation.type,
    name: displayName(access, profiles),
    avatarUrl: avatarUrl(access, profiles),
    createdAt: conversation.created_at.toISOString(),
    lastActivityAt: conversation.last_activity_at.toISOString(),
    lastSeq: conversation.last_seq,
    lastMessage: lastMessage ? messageView(lastMessage, me.user_id, others) : null,
    unreadCount: Math.min(unread, unreadCap),
    ...(unread > unreadCap && { unreadCapped: true as const }),
    ...muteAt(me, now),
    participants: [...(isParticipant ? [me] : []), ...others]
      .sort(byJoining)
      .map(row => participantView(row, profiles)),
    ...(business && {
      business: {
        businessId: business.business_id,
        status: business.status,
        agentId: business.agent_id,
        priority: priorityOf(business.priority_rank),
        category: business.category,
      },
    }),
  }
}
