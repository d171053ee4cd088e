import { useEffect, useState } from 'preact/hooks'
import { AgentDuties } from './agent-duties.tsx'
import { ConversationItem } from './conversation-item.tsx'
import { PlusIcon } from './icons.tsx'
import type { Names } from './names.ts'
import type { People } from './people.ts'
import type { Session } from './session.ts'

interface ConversationListProps {
  session: Session
  people: People
  names: Names
  openId: string | null
  open(conversationId: string): void
  startNew(): void
}

/** The chats of a person, newest activity first. */
export const ConversationList = ({ session, people, names, openId, open, startNew }: ConversationListProps) => {
  const { chat } = session
  const [isReady, setReady] = useState(false)
  useEffect(() => {
    void chat.connect().then(() => setReady(true))
  }, [chat])
  const conversations = chat.known
  return (
    <>
      <div class="side-top">
        <h2>Chats</h2>
        <button type="button" class="icon-button" aria-label="New chat" title="New chat" onClick={startNew}>
          <PlusIcon />
        </button>
      </div>
      <AgentDuties session={session} people={people} />
      {conversations.length > 0 ? (
        <ul class="items" aria-label="Chats">
          {conversations.map(conversation => (
            <ConversationItem
              key={conversation.id}
              session={session}
              names={names}
              conversation={conversation}
              isOpen={conversation.id === openId}
              open={() => open(conversation.id)}
            />
          ))}
        </ul>
      ) : (
        <div class="empty">
          {isReady ? (
            <>
              <p>No chats yet.</p>
              <button type="button" class="primary" onClick={startNew}>
                Start one
              </button>
            </>
          ) : (
            <p>Loading …</p>
          )}
        </div>
      )}
    </>
  )
}
