import type { Conversation, Participant } from 'kaha-chat-client'
import type { People } from './people.ts'

/** Whom and what this page calls by which name. */
export interface Names {
  /** A participant, or anybody by their id. */
  of(userId: string, conversation?: Conversation): string
  /** What a conversation is called for this user. */
  conversation(conversation: Conversation, viewerId: string): string
}

const othersIn = ({ participants }: Conversation, viewerId: string): Participant[] =>
  participants.filter(({ userId }) => userId !== viewerId)

/** The other one of a direct conversation; of a business chat, for its staff, the customer. */
export const counterpart = (conversation: Conversation, viewerId: string): Participant | undefined => {
  const others = othersIn(conversation, viewerId)
  if (conversation.type === 'direct') return others[0]
  return conversation.type === 'business' ? others.find(({ role }) => role === 'customer') : undefined
}

/** Whose colours a conversation has. */
export const faceOf = (conversation: Conversation, viewerId: string): string =>
  counterpart(conversation, viewerId)?.userId ?? conversation.business?.businessId ?? conversation.id

export const namesBy = (people: People): Names => {
  const of: Names['of'] = (userId, conversation) => {
    const { profile } = conversation?.participants.find(participant => participant.userId === userId) ?? {}
    if (profile && !profile.stale) return profile.name
    return people.find(userId)?.name ?? people.business(userId)?.name ?? profile?.name ?? `User ${userId.slice(-4)}`
  }
  return {
    of,
    conversation: (conversation, viewerId) => {
      const other = counterpart(conversation, viewerId)
      if (other) return of(other.userId, conversation)
      const { business } = conversation
      return (business && people.business(business.businessId)?.name) ?? conversation.name
    },
  }
}
