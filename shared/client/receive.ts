import type { CatchUp } from './catch-up.ts'
import type { PresenceWatch } from './presence-watch.ts'
import type { Store } from './store.ts'
import type { Typing } from './typing.ts'
import type { SocketEvent } from './wire.ts'

/** Brings each event of the server to whom it concerns. Events that are not known here are passed over. */
export const createReceiver = (
  userId: string,
  { store, typing, presence, catchUp }: { store: Store; typing: Typing; presence: PresenceWatch; catchUp: CatchUp },
): ((event: SocketEvent) => void) => {
  const { conversations } = store
  /** What happens to oneself is looked up, and so is what happens in a conversation that is not known here. */
  const mustBeLoaded = (conversationId: string, ofUserId?: string): boolean => {
    if (ofUserId !== userId && conversations.get(conversationId)) return false
    void store.load(conversationId)
    return true
  }
  return ({ event, data }) => {
    switch (event) {
      case 'message.created':
        return store.take(data.message.conversationId, [data.message])
      case 'messages.batch':
        return store.take(data.conversationId, data.messages)
      case 'message.deleted':
        return store.erase(data)
      case 'message.delivered':
        return conversations.advance(data.conversationId, data.userId, 'lastDeliveredSeq', data.seq)
      case 'message.read':
        return conversations.advance(data.conversationId, data.userId, 'lastReadSeq', data.seq)
      case 'conversation.created':
      case 'conversation.updated':
        return void store.adopt(data.conversation)
      case 'participant.added':
      case 'participant.updated':
        if (mustBeLoaded(data.conversationId, data.participant.userId)) return
        return conversations.putParticipant(data.conversationId, data.participant)
      case 'participant.removed':
        if (mustBeLoaded(data.conversationId, data.userId)) return
        return conversations.removeParticipant(data.conversationId, data.userId)
      case 'assignment.changed':
        if (mustBeLoaded(data.conversationId)) return
        return conversations.assign(data.conversationId, data)
      case 'typing.started':
        return typing.started(data.conversationId, data.userId, data.expiresAt)
      case 'typing.stopped':
        return typing.stopped(data.conversationId, data.userId)
      case 'presence.changed':
        return presence.changed(data)
      case 'session.ready':
        return store.sequences.setGap(data.settings.gapSeconds)
      case 'sync.completed':
        return catchUp.completed(data)
    }
  }
}
