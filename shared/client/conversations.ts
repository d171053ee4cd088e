import { statusOf } from '../messages/message.view.ts'
import type { Conversation, Deletion, Message, MessageStatus, Participant } from './service.ts'

export type PositionKind = 'lastReadSeq' | 'lastDeliveredSeq'

/** What is known of the user's conversations, kept up to date by events. A conversation that changes becomes another object. */
export interface Conversations {
  /** Newest activity first. */
  list(): Conversation[]
  get(conversationId: string): Conversation | undefined
  /** Takes one as the service sees it; what is known better stays. */
  put(view: Conversation): void
  remove(conversationId: string): void
  putParticipant(conversationId: string, participant: Participant): void
  removeParticipant(conversationId: string, userId: string): void
  assign(conversationId: string, to: Pick<NonNullable<Conversation['business']>, 'status' | 'agentId'>): void
  /** A message has come, after all those before it. */
  addMessage(message: Message): void
  erase(deletion: Deletion): void
  /** Moves a participant's position forward, never back. */
  advance(conversationId: string, userId: string, kind: PositionKind, seq: number): void
  /** The user's own part in it; none where they look on as its business. */
  partIn(conversationId: string): Participant | undefined
  /** How far a message of this user has come with everybody else. */
  statusOf(message: Pick<Message, 'conversationId' | 'seq'>): MessageStatus
}

export interface ConversationsListener {
  changed(conversation: Conversation): void
  /** Only the service knows now how many messages are unread. */
  uncertain(conversationId: string): void
}

interface Known {
  view: Conversation
  /** Its unread count knows of everything up to here. */
  countedSeq: number
}

const byActivity = (a: Conversation, b: Conversation): number =>
  a.lastActivityAt === b.lastActivityAt ? 0 : a.lastActivityAt < b.lastActivityAt ? 1 : -1

/** The same participant with the further of two positions. Who has joined anew starts anew. */
const furthest = (participant: Participant, known: Participant | undefined): Participant =>
  known?.joinedAt !== participant.joinedAt
    ? participant
    : {
        ...participant,
        lastReadSeq: Math.max(participant.lastReadSeq, known.lastReadSeq),
        lastDeliveredSeq: Math.max(participant.lastDeliveredSeq, known.lastDeliveredSeq),
      }

export const createConversations = (userId: string, listener: ConversationsListener): Conversations => {
  const all = new Map<string, Known>()

  const ownPart = ({ participants }: Conversation): Participant | undefined =>
    participants.find(participant => participant.userId === userId)

  const set = (known: Known): void => {
    all.set(known.view.id, known)
    listener.changed(known.view)
  }
  /** Changes one that is known; of others the service tells all there is to know. */
  const change = (id: string, changesOf: (known: Known) => Partial<Conversation> | undefined): void => {
    const known = all.get(id)
    const changes = known && changesOf(known)
    if (changes) set({ ...known, view: { ...known.view, ...changes } })
  }

  const advance: Conversations['advance'] = (conversationId, ofUserId, kind, seq) => {
    let isUncertain = false
    change(conversationId, ({ view, countedSeq }) => {
      const participant = view.participants.find(each => each.userId === ofUserId)
      if (!participant || participant[kind] >= seq) return undefined
      const participants = view.participants.map(each => (each === participant ? { ...each, [kind]: seq } : each))
      if (ofUserId !== userId || kind !== 'lastReadSeq') return { participants }
      const isAll = seq >= countedSeq
      isUncertain = !isAll && view.unreadCount > 0
      return { participants, ...(isAll && { unreadCount: 0 }) }
    })
    if (isUncertain) listener.uncertain(conversationId)
  }

  /** An older view takes nothing back that has come since. */
  const merged = (view: Conversation, known: Known): Known => {
    const participants = view.participants.map(each =>
      furthest(
        each,
        known.view.participants.find(other => other.userId === each.userId),
      ),
    )
    const isOld = view.lastSeq < known.countedSeq
    const { lastSeq, lastMessage, lastActivityAt, unreadCount } = isOld ? known.view : view
    const countedSeq = isOld ? known.countedSeq : lastSeq
    const isRead = (ownPart({ ...view, participants })?.lastReadSeq ?? 0) >= countedSeq
    const newest = { lastSeq, lastMessage, lastActivityAt, unreadCount: isRead ? 0 : unreadCount }
    return { view: { ...view, participants, ...newest }, countedSeq }
  }

  return {
    list: () => [...all.values()].map(({ view }) => view).sort(byActivity),
    get: conversationId => all.get(conversationId)?.view,
    put: view => {
      const known = all.get(view.id)
      set(known ? merged(view, known) : { view, countedSeq: view.lastSeq })
    },
    remove: conversationId => void all.delete(conversationId),
    putParticipant: (conversationId, participant) =>
      change(conversationId, ({ view: { participants } }) => {
        const known = participants.find(each => each.userId === participant.userId)
        const newest = furthest(participant, known)
        return {
          participants: known ? participants.map(each => (each === known ? newest : each)) : [...participants, newest],
        }
      }),
    removeParticipant: (conversationId, leaverId) =>
      change(conversationId, ({ view }) => ({
        participants: view.participants.filter(each => each.userId !== leaverId),
      })),
    assign: (conversationId, { status, agentId }) =>
      change(conversationId, ({ view: { business } }) => business && { business: { ...business, status, agentId } }),

    addMessage: message => {
      const { conversationId, senderId, seq, sentAt, deletedAt } = message
      const known = all.get(conversationId)
      if (!known) return
      const { view, countedSeq } = known
      const readSeq = ownPart(view)?.lastReadSeq
      const isUnread = readSeq !== undefined && senderId !== userId && !deletedAt && seq > Math.max(readSeq, countedSeq)
      const isNewest = seq >= (view.lastMessage?.seq ?? 0)
      set({
        view: {
          ...view,
          lastSeq: Math.max(view.lastSeq, seq),
          ...(isNewest && { lastMessage: message }),
          ...(sentAt > view.lastActivityAt && { lastActivityAt: sentAt }),
          unreadCount: view.unreadCount + (isUnread ? 1 : 0),
        },
        countedSeq: Math.max(countedSeq, seq),
      })
      // Whoever writes has read what was there, as the service sees it.
      advance(conversationId, senderId, 'lastReadSeq', seq)
    },
    erase: ({ conversationId, messageId, seq, deletedAt }) => {
      const known = all.get(conversationId)
      if (!known) return
      const { lastMessage, unreadCount } = known.view
      if (lastMessage?.id === messageId) {
        change(conversationId, () => ({ lastMessage: { ...lastMessage, content: null, metadata: null, deletedAt } }))
      }
      const readSeq = ownPart(known.view)?.lastReadSeq ?? seq
      if (unreadCount > 0 && seq > readSeq) listener.uncertain(conversationId)
    },
    advance,
    partIn: conversationId => {
      const known = all.get(conversationId)
      return known && ownPart(known.view)
    },
    statusOf: ({ conversationId, seq }) => {
      const { participants = [] } = all.get(conversationId)?.view ?? {}
      const others = participants.filter(participant => participant.userId !== userId)
      return statusOf(
        seq,
        others.map(({ lastReadSeq, lastDeliveredSeq }) => ({
          last_read_seq: lastReadSeq,
          last_delivered_seq: lastDeliveredSeq,
        })),
      )
    },
  }
}
