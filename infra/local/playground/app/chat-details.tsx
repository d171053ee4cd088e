import type { Conversation } from 'kaha-chat-client'
import type { RefObject } from 'preact'
import { useState } from 'preact/hooks'
import { Avatar } from './avatar.tsx'
import { BusinessChatControls } from './business-chat-controls.tsx'
import type { Names } from './names.ts'
import type { People } from './people.ts'
import type { Session } from './session.ts'

interface ChatDetailsProps {
  dialog: RefObject<HTMLDialogElement | null>
  session: Session
  people: People
  names: Names
  conversation: Conversation
}

const mostMembers = 8

/** Who is in a chat, and what may be done about it. */
export const ChatDetails = ({ dialog, session, people, names, conversation }: ChatDetailsProps) => {
  const { chat } = session
  const { id, participants, type, isMuted } = conversation
  const own = participants.find(({ userId }) => userId === chat.userId)
  const isAdmin = own?.role === 'admin'
  const [name, setName] = useState(conversation.name)
  const act = (action: Promise<unknown>): void => void action.catch(session.report)
  const params = { id }
  const absent = people
    .list()
    .filter(person => !person.businessId && !participants.some(({ userId }) => userId === person.id))

  const remove = (userId: string): void =>
    act(chat.request('DELETE /conversations/{id}/participants/{userId}', { params: { id, userId } }))
  return (
    <dialog ref={dialog} class="details" aria-labelledby={`details-${id}-${chat.userId}`}>
      <h2 id={`details-${id}-${chat.userId}`}>{names.conversation(conversation, chat.userId)}</h2>
      <ul class="people">
        {participants.map(({ userId, role }) => (
          <li key={userId} class="member">
            <Avatar id={userId} name={names.of(userId, conversation)} />
            <span>
              {userId === chat.userId ? 'You' : names.of(userId, conversation)}
              {role !== 'member' && <small>{role}</small>}
            </span>
            {type === 'group' && isAdmin && userId !== chat.userId && (
              <button type="button" class="plain" onClick={() => remove(userId)}>
                Remove<span class="sr"> {names.of(userId, conversation)}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      {type === 'group' && isAdmin && (
        <>
          <form
            class="field-row"
            onSubmit={event => {
              event.preventDefault()
              if (name.trim()) act(chat.request('PATCH /conversations/{id}', { params, body: { name: name.trim() } }))
            }}
          >
            <label class="field">
              Name
              <input value={name} maxLength={100} onInput={({ currentTarget }) => setName(currentTarget.value)} />
            </label>
            <button type="submit">Rename</button>
          </form>
          {participants.length < mostMembers && absent.length > 0 && (
            <label class="field">
              Add somebody
              <select
                value=""
                onChange={({ currentTarget }) => {
                  const body = { userId: currentTarget.value }
                  if (body.userId) act(chat.request('POST /conversations/{id}/participants', { params, body }))
                }}
              >
                <option value="">Choose …</option>
                {absent.map(person => (
                  <option key={person.id} value={person.id}>
                    {person.name}
                  </option>
                ))}
              </select>
            </label>
          )}
        </>
      )}
      {type === 'business' && own?.role !== 'customer' && (
        <BusinessChatControls session={session} names={names} conversation={conversation} />
      )}
      <div class="buttons">
        {own && (
          <button
            type="button"
            onClick={() => act(chat.request('PUT /conversations/{id}/mute', { params, body: { isMuted: !isMuted } }))}
          >
            {isMuted ? 'Unmute' : 'Mute'}
          </button>
        )}
        {type === 'group' && (
          <button
            type="button"
            onClick={() => {
              dialog.current?.close()
              remove(chat.userId)
            }}
          >
            Leave the group
          </button>
        )}
        <button type="button" class="primary" onClick={() => dialog.current?.close()}>
          Done
        </button>
      </div>
    </dialog>
  )
}
