import type { Conversation } from 'kaha-chat-client'
import { Avatar } from './avatar.tsx'
import { Checks } from './checks.tsx'
import { MutedIcon } from './icons.tsx'
import { counterpart, faceOf, type Names } from './names.ts'
import type { Session } from './session.ts'
import { whenInList } from './time.ts'

const Snippet = ({ session, names, conversation }: { session: Session; names: Names; conversation: Conversation }) => {
  const { chat } = session
  const typists = session.typists(conversation.id)
  if (typists.length > 0) {
    const [first = ''] = typists
    return (
      <span class="snippet is-typing">
        {conversation.type === 'direct' ? 'typing …' : `${names.of(first, conversation)} is typing …`}
      </span>
    )
  }
  const message = conversation.lastMessage
  if (!message) return <span class="snippet">No messages yet</span>
  const isOwn = message.senderId === chat.userId
  const sender = conversation.type === 'group' && !isOwn ? `${names.of(message.senderId, conversation)}: ` : ''
  return (
    <span class="snippet">
      {isOwn && !message.deletedAt && <Checks status={chat.statusOf(message)} />}
      {message.deletedAt ? 'This message was deleted' : `${sender}${message.content ?? ''}`}
    </span>
  )
}

const standings = { queued: 'waiting', assigned: '', closed: 'closed' } as const

const Standing = ({ names, conversation }: { names: Names; conversation: Conversation }) => {
  const { business } = conversation
  if (!business) return null
  const agent = business.agentId && names.of(business.agentId, conversation)
  return (
    <span class={`standing ${business.status}`}>
      {business.status === 'assigned' && agent ? `with ${agent}` : standings[business.status]}
    </span>
  )
}

interface ConversationItemProps {
  session: Session
  names: Names
  conversation: Conversation
  isOpen: boolean
  open(): void
}

export const ConversationItem = ({ session, names, conversation, isOpen, open }: ConversationItemProps) => {
  const viewerId = session.chat.userId
  const name = names.conversation(conversation, viewerId)
  const other = counterpart(conversation, viewerId)
  const { unreadCount, isMuted, lastActivityAt } = conversation
  return (
    <li>
      <button type="button" class="item" aria-current={isOpen} onClick={open}>
        <Avatar
          id={faceOf(conversation, viewerId)}
          name={name}
          isOnline={other ? session.isOnline(other.userId) : undefined}
        />
        <span class="item-text">
          <span class="item-line">
            <span class="item-name">{name}</span>
            <time dateTime={lastActivityAt}>{whenInList(lastActivityAt)}</time>
          </span>
          <span class="item-line">
            <Snippet session={session} names={names} conversation={conversation} />
            {isMuted && (
              <span class="muted" title="Muted">
                <MutedIcon />
                <span class="sr">muted</span>
              </span>
            )}
            {unreadCount > 0 && (
              <span class="badge">
                {unreadCount}
                <span class="sr"> unread</span>
              </span>
            )}
          </span>
          <Standing names={names} conversation={conversation} />
        </span>
      </button>
    </li>
  )
}
