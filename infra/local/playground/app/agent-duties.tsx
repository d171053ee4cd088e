import { useEffect, useState } from 'preact/hooks'
import { useObservable } from './observable.ts'
import type { Business, People } from './people.ts'
import type { Session } from './session.ts'

const Duty = ({ session, people, business }: { session: Session; people: People; business: Business }) => {
  const { chat, person } = session
  const [isAvailable, setAvailable] = useState(true)
  const params = { businessId: business.id, agentId: person.id }

  const find = async (): Promise<void> => {
    try {
      const page = await chat.request('GET /business/{businessId}/agents', { params: { businessId: business.id } })
      const own = page.items.find(({ agentId }) => agentId === person.id)
      if (own) setAvailable(own.isAvailable)
    } catch {
      // They are an agent no longer, as with data that were wiped.
      people.setAgent(business.id, person.id, false)
    }
  }
  useEffect(() => void find(), [chat])

  const toggle = async (): Promise<void> => {
    try {
      const route = 'PUT /business/{businessId}/agents/{agentId}/availability'
      const agent = await chat.request(route, { params, body: { isAvailable: !isAvailable } })
      setAvailable(agent.isAvailable)
    } catch (error) {
      session.report(error)
    }
  }
  return (
    <div class="duty">
      <span id={`duty-${business.id}`}>Taking chats of {business.name}</span>
      <button
        type="button"
        role="switch"
        class="switch"
        aria-checked={isAvailable}
        aria-labelledby={`duty-${business.id}`}
        onClick={() => void toggle()}
      >
        <span class="switch-track" />
      </button>
    </div>
  )
}

/** For whom this person is an agent, and whether they take chats now. */
export const AgentDuties = ({ session, people }: { session: Session; people: People }) => {
  useObservable(people)
  return people
    .dutiesOf(session.person.id)
    .map(business => <Duty key={business.id} session={session} people={people} business={business} />)
}
