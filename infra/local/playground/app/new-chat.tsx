import { useEffect, useRef, useState } from 'preact/hooks'
import { Avatar } from './avatar.tsx'
import { BackIcon } from './icons.tsx'
import type { People } from './people.ts'
import type { Session } from './session.ts'

/** In a group, with the one who makes it. */
const maxOthers = 7

interface NewChatProps {
  session: Session
  people: People
  opened(conversationId: string): void
  cancel(): void
}

/** One person makes a direct chat, several a group, a business a chat with its agents. */
export const NewChat = ({ session, people, opened, cancel }: NewChatProps) => {
  const { chat } = session
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [name, setName] = useState('')
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])

  const others = people.list().filter(({ id, businessId }) => id !== chat.userId && !businessId)
  const toggle = (id: string): void =>
    setChosen(chosen.includes(id) ? chosen.filter(other => other !== id) : [...chosen, id].slice(0, maxOthers))
  const open = async (opening: Promise<{ id: string }>): Promise<void> => {
    try {
      opened((await opening).id)
    } catch (error) {
      session.report(error)
    }
  }
  const start = (): Promise<void> => {
    const [first = ''] = chosen
    if (chosen.length === 1) return open(chat.openDirect(first))
    const trimmed = name.trim()
    return open(chat.createGroup({ participantIds: [...chosen], ...(trimmed && { name: trimmed }) }))
  }
  const isGroup = chosen.length > 1

  return (
    <form
      class="new-chat"
      onSubmit={event => {
        event.preventDefault()
        void start()
      }}
    >
      <div class="chat-top">
        <button type="button" class="icon-button" aria-label="Back" onClick={cancel}>
          <BackIcon />
        </button>
        <h2 ref={heading} tabIndex={-1}>
          New chat
        </h2>
      </div>
      <div class="scroll">
        <fieldset>
          <legend>With one person, or a group of up to eight</legend>
          {others.map(({ id, name: personName }) => (
            <label key={id} class="choice">
              <input type="checkbox" checked={chosen.includes(id)} onChange={() => toggle(id)} />
              <Avatar id={id} name={personName} />
              {personName}
            </label>
          ))}
        </fieldset>
        {isGroup && (
          <label class="field">
            Name of the group
            <input
              value={name}
              maxLength={100}
              placeholder="Weekend trek"
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          </label>
        )}
        <button type="submit" class="primary wide" disabled={chosen.length === 0}>
          {isGroup ? `Make a group of ${chosen.length + 1}` : 'Start the chat'}
        </button>
        <h3>Or with a business</h3>
        <ul class="people">
          {people.businesses().map(({ id, name: businessName }) => (
            <li key={id}>
              <button type="button" onClick={() => void open(chat.openBusiness({ businessId: id }))}>
                <Avatar id={id} name={businessName} />
                <span>
                  {businessName}
                  <small>Whoever of its agents is free will answer</small>
                </span>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </form>
  )
}
