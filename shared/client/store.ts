import { type Conversations, createConversations } from './conversations.ts'
import type { Environment } from './environment.ts'
import type { Http } from './http.ts'
import type { Positions } from './positions.ts'
import { asChatProblem } from './problem.ts'
import { createSequences, type Sequences } from './sequences.ts'
import type { Changes, Conversation, Deletion, Message } from './service.ts'

/** Everything that is known of the user's conversations and their messages, from wherever it comes. */
export interface Store {
  readonly conversations: Conversations
  readonly sequences: Pick<Sequences, 'of' | 'behind' | 'positions' | 'setGap' | 'resume' | 'suspend'>
  /** Takes messages of one conversation. */
  take(conversationId: string, messages: readonly Message[]): void
  /**
   * Takes a conversation as the service sees it, and returns it. Of one that is new here, messages are given on from what nobody
   * has acknowledged; where the user only looks on, behind `start`, by default those that are still to come.
   */
  adopt<View extends Conversation>(view: View, start?: number): View
  /** Takes an answer of `GET /sync`. */
  apply(changes: Changes): void
  erase(deletion: Deletion): void
  /** Asks the service about a conversation: it is adopted, or forgotten when the user is not in it. */
  load(conversationId: string): Promise<void>
}

export interface StoreListener {
  conversation(conversation: Conversation): void
  left(conversationId: string): void
  /** A message has come, not yet in its turn, and maybe not for the first time. */
  arrived(message: Message): void
  /** A message has its turn. */
  message(message: Message): void
  deletion(deletion: Deletion): void
  gap(): void
  failed(error: unknown): void
}

export const createStore = (
  environment: Environment,
  { http, userId, delivered }: { http: Pick<Http, 'request'>; userId: string; delivered: Positions },
  listener: StoreListener,
): Store => {
  const conversations = createConversations(userId, {
    changed: listener.conversation,
    uncertain: conversationId => void load(conversationId),
  })
  const sequences = createSequences(environment, {
    give: message => {
      conversations.addMessage(message)
      listener.message(message)
      acknowledge(message.conversationId)
    },
    unknown: conversationId => void load(conversationId),
    gap: listener.gap,
  })
  /** The application has everything up to there. Of those who only look on nobody waits for that. */
  const acknowledge = (conversationId: string): void => {
    const sequence = sequences.of(conversationId)
    if (sequence && conversations.partIn(conversationId)) delivered.note(conversationId, sequence.through)
  }

  const take: Store['take'] = (conversationId, messages) => {
    for (const message of messages) listener.arrived(message)
    const through = sequences.of(conversationId)?.through ?? 0
    // What comes again was not acknowledged, as the server sees it.
    if (messages.some(({ seq }) => seq <= through)) acknowledge(conversationId)
    sequences.take(conversationId, messages)
  }
  const forget = (conversationId: string): void => {
    const wasKnown = conversations.get(conversationId) !== undefined
    conversations.remove(conversationId)
    sequences.end(conversationId)
    delivered.forget(conversationId)
    if (wasKnown) listener.left(conversationId)
  }
  const adopt: Store['adopt'] = (view, start = view.lastSeq) => {
    const { id, participants, lastSeq } = view
    const part = participants.find(participant => participant.userId === userId)
    const partBefore = conversations.partIn(id)
    // Whoever joins again starts anew.
    if (part && partBefore && part.joinedAt !== partBefore.joinedAt) forget(id)
    conversations.put(view)
    sequences.begin(id, part ? part.lastDeliveredSeq : start, lastSeq)
    return view
  }
  const erase: Store['erase'] = deletion => {
    sequences.of(deletion.conversationId)?.erase(deletion.seq, deletion.deletedAt)
    conversations.erase(deletion)
    listener.deletion(deletion)
  }

  /** Conversations that are being loaded, and whether something has happened to them since. */
  const loading = new Map<string, boolean>()
  const load = async (id: string): Promise<void> => {
    if (loading.has(id)) return void loading.set(id, true)
    loading.set(id, false)
    try {
      adopt(await http.request('GET /conversations/{id}', { params: { id } }))
    } catch (error) {
      if (asChatProblem(error).code === 'not_found') forget(id)
      else listener.failed(error)
    }
    const isOutdated = loading.get(id)
    loading.delete(id)
    if (isOutdated) await load(id)
  }

  return {
    conversations,
    sequences,
    take,
    adopt,
    erase,
    load,
    apply: ({ left, conversations: views, messages, deletions, reads }) => {
      for (const conversationId of left) forget(conversationId)
      for (const view of views) {
        // In the order of `seq`, so the first is the lowest.
        const first = messages.find(({ conversationId }) => conversationId === view.id)
        adopt(view, first && first.seq - 1)
      }
      for (const message of messages) take(message.conversationId, [message])
      for (const deletion of deletions) erase(deletion)
      for (const { conversationId, userId: readerId, lastReadSeq } of reads) {
        conversations.advance(conversationId, readerId, 'lastReadSeq', lastReadSeq)
      }
    },
  }
}
