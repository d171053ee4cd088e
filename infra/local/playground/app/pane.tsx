import { useRef, useState } from 'preact/hooks'
import { Avatar } from './avatar.tsx'
import { BusinessDesk } from './business-desk.tsx'
import { ChatView } from './chat-view.tsx'
import { ConversationList } from './conversation-list.tsx'
import { CaretIcon, WireIcon } from './icons.tsx'
import type { Names } from './names.ts'
import { NewChat } from './new-chat.tsx'
import { useObservable } from './observable.ts'
import type { People, Person } from './people.ts'
import { PersonPicker } from './person-picker.tsx'
import type { Session } from './session.ts'
import { WireStrip } from './wire-strip.tsx'

const stateTexts = {
  closed: 'Signed out',
  connecting: 'Connecting …',
  'catching-up': 'Updating …',
  online: 'Online',
} as const

const OfflineSwitch = ({ session }: { session: Session }) => {
  const { wire } = session
  useObservable(wire)
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={!wire.isOffline}
      onClick={() => wire.setOffline(!wire.isOffline)}
    >
      <span class="switch-text">Network</span>
      <span class="switch-track" />
    </button>
  )
}

interface PaneProps {
  side: string
  session: Session
  people: People
  names: Names
  choose(person: Person): void
}

/** One user's chat application, with what a developer wants to see of it. */
export const Pane = ({ side, session, people, names, choose }: PaneProps) => {
  const [openId, setOpenId] = useState<string | null>(null)
  const [isNew, setNew] = useState(false)
  const [showsWire, setShowsWire] = useState(matchMedia('(min-width: 900px)').matches)
  const picker = useRef<HTMLDialogElement>(null)
  useObservable(session)
  const { person, chat, wire, problem } = session

  const open = (conversationId: string): void => {
    setNew(false)
    setOpenId(conversationId)
  }
  const conversation = chat.known.find(({ id }) => id === openId)
  const stateText = wire.isOffline ? 'No network' : stateTexts[chat.connection]
  const view = isNew ? 'new' : conversation ? 'chat' : 'list'

  return (
    <section class={`pane ${side} shows-${view}`} aria-label={person.name}>
      <header class="pane-top">
        <button type="button" class="who" onClick={() => picker.current?.showModal()} aria-haspopup="dialog">
          <Avatar id={person.businessId ?? person.id} name={person.name} />
          <span class="who-text">
            <span class="who-name">
              {person.name}
              <CaretIcon />
            </span>
            <span class={`state ${wire.isOffline ? 'closed' : chat.connection}`} role="status">
              {stateText}
            </span>
          </span>
        </button>
        <OfflineSwitch session={session} />
        <button
          type="button"
          class="icon-button"
          aria-pressed={showsWire}
          aria-label="Frames on the wire"
          title="Frames on the wire"
          onClick={() => setShowsWire(!showsWire)}
        >
          <WireIcon />
        </button>
      </header>
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}
          <button type="button" onClick={session.forgetProblem}>
            Dismiss
          </button>
        </p>
      )}
      <div class="pane-body">
        <div class="side">
          {person.businessId ? (
            <BusinessDesk
              session={session}
              businessId={person.businessId}
              people={people}
              names={names}
              openId={openId}
              open={open}
            />
          ) : (
            <ConversationList
              session={session}
              people={people}
              names={names}
              openId={openId}
              open={open}
              startNew={() => setNew(true)}
            />
          )}
        </div>
        <div class="content">
          {isNew ? (
            <NewChat session={session} people={people} opened={open} cancel={() => setNew(false)} />
          ) : conversation ? (
            <ChatView
              key={conversation.id}
              session={session}
              people={people}
              names={names}
              conversation={conversation}
              close={() => setOpenId(null)}
            />
          ) : (
            <p class="nothing-open">Choose a chat to read it here.</p>
          )}
        </div>
      </div>
      {showsWire && <WireStrip wire={wire} />}
      <PersonPicker dialog={picker} people={people} current={person} choose={choose} />
    </section>
  )
}
