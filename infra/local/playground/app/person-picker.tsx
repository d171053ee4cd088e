import type { RefObject } from 'preact'
import { useState } from 'preact/hooks'
import { Avatar } from './avatar.tsx'
import { useObservable } from './observable.ts'
import type { People, Person } from './people.ts'

interface PersonPickerProps {
  dialog: RefObject<HTMLDialogElement | null>
  people: People
  current: Person
  choose(person: Person): void
}

/** Who is to be in the pane: one of those who are there, or somebody new. */
export const PersonPicker = ({ dialog, people, current, choose }: PersonPickerProps) => {
  const [name, setName] = useState('')
  useObservable(people)
  const take = (person: Person): void => {
    dialog.current?.close()
    setName('')
    if (person.id !== current.id) choose(person)
  }
  const trimmed = name.trim()
  return (
    <dialog ref={dialog} class="picker" aria-labelledby={`picker-${current.id}`}>
      <h2 id={`picker-${current.id}`}>Who is in this pane?</h2>
      <ul class="people">
        {people.list().map(person => (
          <li key={person.id}>
            <button type="button" aria-current={person.id === current.id} onClick={() => take(person)}>
              <Avatar id={person.businessId ?? person.id} name={person.name} />
              <span>
                {person.name}
                {person.businessId && <small>Business: its inbox and agents</small>}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <form
        class="make"
        onSubmit={event => {
          event.preventDefault()
          if (trimmed) void people.add(trimmed).then(take)
        }}
      >
        <label>
          Somebody new
          <input
            value={name}
            maxLength={60}
            placeholder="Their name"
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <div class="buttons">
          <button type="submit" class="primary" disabled={!trimmed}>
            Person
          </button>
          <button
            type="button"
            class="primary"
            disabled={!trimmed}
            onClick={() => void people.addBusiness(trimmed).then(take)}
          >
            Business
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  )
}
