import type { Conversation } from 'kaha-chat-client'
import { useRef } from 'preact/hooks'
import { Avatar } from './avatar.tsx'
import { ChatDetails } from './chat-details.tsx'
import { Composer } from './composer.tsx'
import { BackIcon, MoreIcon } from './icons.tsx'
import { MessageLog } from './message-log.tsx'
import { counterpart, faceOf, type Names } from './names.ts'
import type { People } from './people.ts'
import type { Session } from './session.ts'
import { lastSeenText } from './time.ts'

interface ChatViewProps {
  session: Session
  people: People
  names: Names
  conversation: Conversation
  close(): void
}

const standingText = ({ business }: Conversation, names: Names): string => {
  if (business?.status === 'queued') return 'waiting for an agent'
  if (business?.status === 'closed') return 'closed'
  return business?.agentId ? `with ${names.of(business.agentId)}` : ''
}

const Subtitle = ({ session, names, conversation }: { session: Session; names: Names; conversation: Conversation }) => {
  const viewerId = session.chat.userId
  const typists = session.typists(conversation.id)
  const other = counterpart(conversation, viewerId)
  if (typists.length > 0) {
    const who = conversation.type === 'direct' ? '' : `${typists.map(id => names.of(id, conversation)).join(', ')} `
    return <span class="subtitle is-typing">{who}typing …</span>
  }
  const isOnline = other && session.isOnline(other.userId)
  const presence =
    other && isOnline !== undefined && (isOnline ? 'online' : lastSeenText(session.lastSeen(other.userId)))
  if (conversation.type === 'business') {
    return <span class="subtitle">{[presence, standingText(conversation, names)].filter(Boolean).join(' · ')}</span>
  }
  if (other) return <span class="subtitle">{presence}</span>
  const others = conversation.participants.filter(({ userId }) => userId !== viewerId)
  const members = [...others.map(({ userId }) => names.of(userId, conversation)), 'you']
  return <span class="subtitle">{members.join(', ')}</span>
}

/** One chat: who it is with, what was said, and what is to be said. */
export const ChatView = ({ session, people, names, conversation, close }: ChatViewProps) => {
  const details = useRef<HTMLDialogElement>(null)
  const viewerId = session.chat.userId
  const name = names.conversation(conversation, viewerId)
  const other = counterpart(conversation, viewerId)
  return (
    <div class="chat">
      <div class="chat-top">
        <button type="button" class="icon-button back" aria-label="Back to the chats" onClick={close}>
          <BackIcon />
        </button>
        <Avatar
          id={faceOf(conversation, viewerId)}
          name={name}
          isOnline={other ? session.isOnline(other.userId) : undefined}
        />
        <div class="chat-title">
          <h2>{name}</h2>
          <Subtitle session={session} names={names} conversation={conversation} />
        </div>
        <button
          type="button"
          class="icon-button"
          aria-label="About this chat"
          aria-haspopup="dialog"
          title="About this chat"
          onClick={() => details.current?.showModal()}
        >
          <MoreIcon />
        </button>
      </div>
      <MessageLog session={session} names={names} conversation={conversation} />
      <Composer session={session} conversationId={conversation.id} />
      <ChatDetails dialog={details} session={session} people={people} names={names} conversation={conversation} />
    </div>
  )
}
