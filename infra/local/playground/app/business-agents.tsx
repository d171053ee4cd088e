import type { Agent } from 'kaha-chat-client'
import { Avatar } from './avatar.tsx'
import type { Names } from './names.ts'
import type { People } from './people.ts'
import type { Session } from './session.ts'

interface BusinessAgentsProps {
  session: Session
  businessId: string
  people: People
  names: Names
  agents: readonly Agent[]
  changed(): void
}

/** Who answers for the business: to be added, configured, sent on a break and removed. */
export const BusinessAgents = ({ session, businessId, people, names, agents, changed }: BusinessAgentsProps) => {
  const { chat } = session
  const act = async (action: Promise<unknown>): Promise<void> => {
    try {
      await action
      changed()
    } catch (error) {
      session.report(error)
    }
  }
  const paramsOf = (agentId: string) => ({ params: { businessId, agentId } })
  const add = async (agentId: string): Promise<void> => {
    await chat.request('POST /business/{businessId}/agents/{agentId}', paramsOf(agentId))
    people.setAgent(businessId, agentId, true)
  }
  const remove = async (agentId: string): Promise<void> => {
    await chat.request('DELETE /business/{businessId}/agents/{agentId}', paramsOf(agentId))
    people.setAgent(businessId, agentId, false)
  }
  const configure = ({ agentId, skills }: Agent, maxConcurrentChats: number) =>
    chat.request('PUT /business/{businessId}/agents/{agentId}/configure', {
      ...paramsOf(agentId),
      body: { maxConcurrentChats, skills },
    })
  const setAvailable = ({ agentId, isAvailable }: Agent) =>
    chat.request('PUT /business/{businessId}/agents/{agentId}/availability', {
      ...paramsOf(agentId),
      body: { isAvailable: !isAvailable },
    })
  const others = people
    .list()
    .filter(({ id, businessId: own }) => !own && !agents.some(({ agentId }) => agentId === id))

  return (
    <div class="scroll agents">
      {agents.length === 0 && <p class="hint">Nobody answers for this business yet.</p>}
      <ul>
        {agents.map(agent => {
          const name = names.of(agent.agentId)
          return (
            <li key={agent.agentId} class="agent">
              <Avatar id={agent.agentId} name={name} isOnline={agent.status === 'online'} />
              <strong>{name}</strong>
              <button
                type="button"
                role="switch"
                class="switch"
                aria-checked={agent.isAvailable}
                aria-label={`${name} is available`}
                onClick={() => void act(setAvailable(agent))}
              >
                <span class="switch-track" />
              </button>
              <span class="agent-load">
                Has {agent.activeChats} of{' '}
                <input
                  type="number"
                  min={1}
                  max={20}
                  value={agent.maxConcurrentChats}
                  aria-label={`Chats at a time for ${name}`}
                  onChange={({ currentTarget }) => void act(configure(agent, currentTarget.valueAsNumber))}
                />
              </span>
              <button type="button" class="plain" onClick={() => void act(remove(agent.agentId))}>
                Remove<span class="sr"> {name}</span>
              </button>
            </li>
          )
        })}
      </ul>
      {others.length > 0 && (
        <>
          <h3 class="group-title">Add an agent</h3>
          <ul class="people">
            {others.map(({ id, name }) => (
              <li key={id}>
                <button type="button" onClick={() => void act(add(id))}>
                  <Avatar id={id} name={name} />
                  {name}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="hint">Chats go to agents who are available and online: open the other pane as one of them.</p>
    </div>
  )
}
