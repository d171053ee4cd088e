import { useEffect, useState } from 'preact/hooks'
import { Avatar } from './avatar.tsx'
import { namesBy } from './names.ts'
import { useObservable } from './observable.ts'
import { Pane } from './pane.tsx'
import type { People, Person } from './people.ts'
import { type Session, startSession } from './session.ts'

const sides = ['left', 'right'] as const
type Side = (typeof sides)[number]

/** Who is in which pane, kept over a reload. */
const chosenBefore = (people: People): Record<Side, Person | undefined> => {
  const [first, second] = people.list()
  const idOf = (side: Side) => sessionStorage.getItem(`kaha-chat-${side}`) ?? ''
  return { left: people.find(idOf('left')) ?? first, right: people.find(idOf('right')) ?? second }
}

const Tab = ({ session, isShown, show }: { session: Session; isShown: boolean; show: () => void }) => {
  useObservable(session)
  const unread = session.chat.known.reduce((sum, { unreadCount }) => sum + unreadCount, 0)
  return (
    <button type="button" class="tab" aria-pressed={isShown} onClick={show}>
      <Avatar id={session.person.businessId ?? session.person.id} name={session.person.name} />
      {session.person.name}
      {!isShown && unread > 0 && (
        <span class="badge">
          {unread}
          <span class="sr"> unread</span>
        </span>
      )}
    </button>
  )
}

export const App = ({ people }: { people: People }) => {
  const [sessions, setSessions] = useState<Partial<Record<Side, Session>>>({})
  /** Where there is room for one pane only. */
  const [shown, setShown] = useState<Side>('left')
  useObservable(people)

  const choose = (side: Side, person: Person): void => {
    sessionStorage.setItem(`kaha-chat-${side}`, person.id)
    setSessions(before => {
      before[side]?.end()
      return { ...before, [side]: startSession(people, person) }
    })
  }
  useEffect(() => {
    const chosen = chosenBefore(people)
    for (const side of sides) if (chosen[side]) choose(side, chosen[side])
  }, [])

  const names = namesBy(people)
  return (
    <div class={`app shows-${shown}`}>
      <header class="top">
        <img src="/playground/icon.svg" alt="" width="28" height="28" />
        <h1>
          kaha-chat <span>playground</span>
        </h1>
        <nav class="tabs" aria-label="Panes">
          {sides.map(side => {
            const session = sessions[side]
            return session && <Tab key={side} session={session} isShown={shown === side} show={() => setShown(side)} />
          })}
        </nav>
        <p class="lead">Write on one side, read on the other, and see what goes over the wire.</p>
        <nav class="links" aria-label="Reference">
          <a href="/docs">HTTP API</a>
          <a href="/docs/websocket">WebSocket</a>
        </nav>
      </header>
      <main class="panes">
        {sides.map(side => {
          const session = sessions[side]
          return (
            session && (
              <Pane
                key={`${side} ${session.person.id}`}
                side={side}
                session={session}
                people={people}
                names={names}
                choose={person => choose(side, person)}
              />
            )
          )
        })}
      </main>
    </div>
  )
}
