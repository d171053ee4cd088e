import type { Conversation } from 'kaha-chat-client'
import { Checks } from './checks.tsx'
import { TrashIcon } from './icons.tsx'
import type { Names } from './names.ts'
import type { Session } from './session.ts'
import type { Row } from './thread.ts'
import { timeOfDay } from './time.ts'

interface MessageRowProps {
  session: Session
  names: Names
  conversation: Conversation
  row: Row
  /** The one before is of the same sender, so it needs no name of its own. */
  isContinued: boolean
}

const Failure = ({ session, row }: { session: Session; row: Row }) => {
  const { outgoingKey } = row
  if (row.status !== 'failed' || outgoingKey === null) return null
  return (
    <p class="failure">
      Not sent{row.reason && `: ${row.reason}`}
      <button type="button" onClick={() => session.chat.retry(outgoingKey)}>
        Try again
      </button>
      <button type="button" onClick={() => session.discard(outgoingKey)}>
        Discard
      </button>
    </p>
  )
}

export const MessageRow = ({ session, names, conversation, row, isContinued }: MessageRowProps) => {
  const { chat } = session
  const isOwn = row.senderId === chat.userId
  if (row.isSystem) return <li class="system">{row.content}</li>
  const sender = isOwn ? 'You' : names.of(row.senderId, conversation)
  const showsName = !isOwn && !isContinued && conversation.type !== 'direct'
  const mayDelete = isOwn && row.seq !== null && row.content !== null
  return (
    <li class={`message ${isOwn ? 'own' : 'other'} ${isContinued ? 'continued' : ''}`}>
      {mayDelete && (
        <button
          type="button"
          class="icon-button delete"
          aria-label="Delete this message for everybody"
          title="Delete for everybody"
          onClick={() => void chat.delete({ conversationId: conversation.id, id: row.id }).catch(session.report)}
        >
          <TrashIcon />
        </button>
      )}
      <div class="bubble">
        <span class={showsName ? 'sender' : 'sr'}>
          {sender}
          <span class="sr">: </span>
        </span>
        {row.content === null ? (
          <em class="deleted">This message was deleted</em>
        ) : (
          <span class="text">{row.content}</span>
        )}
        <span class="meta">
          <time dateTime={row.sentAt}>{timeOfDay(row.sentAt)}</time>
          {row.status && row.content !== null && <Checks status={row.status} />}
        </span>
        <Failure session={session} row={row} />
      </div>
    </li>
  )
}
