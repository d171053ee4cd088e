import type { Agent, Conversation } from 'kaha-chat-client'
import { useEffect, useState } from 'preact/hooks'
import type { Names } from './names.ts'
import type { Session } from './session.ts'

interface BusinessChatControlsProps {
  session: Session
  names: Names
  conversation: Conversation
}

/** For the staff of a business: gives a chat to an agent, closes it and opens it again. */
export const BusinessChatControls = ({ session, names, conversation }: BusinessChatControlsProps) => {
  const { chat, person } = session
  const { business, id } = conversation
  const [agents, setAgents] = useState<readonly Agent[]>([])
  const isManager = person.businessId !== undefined && person.businessId === business?.businessId
  useEffect(() => {
    if (!isManager || !business) return
    const options = { params: { businessId: business.businessId }, query: { limit: 100 } }
    chat.request('GET /business/{businessId}/agents', options).then(({ items }) => setAgents(items), session.report)
  }, [business?.status, business?.agentId])

  const act = (action: Promise<unknown>): void => void action.catch(session.report)
  const params = { id }
  const giveTo = (agentId: string): void =>
    act(
      business?.status === 'assigned'
        ? chat.request('POST /business/conversations/{id}/reassign', { params, body: { agentId } })
        : chat.request('POST /business/conversations/{id}/assign', { params, body: { agentId } }),
    )
  const isClosed = business?.status === 'closed'
  return (
    <div class="controls">
      {isManager && !isClosed && (
        <label class="field">
          Agent
          <select
            value={business?.status === 'assigned' ? (business.agentId ?? '') : ''}
            onChange={({ currentTarget }) => currentTarget.value && giveTo(currentTarget.value)}
          >
            <option value="">Nobody yet</option>
            {agents.map(({ agentId, status }) => (
              <option key={agentId} value={agentId}>
                {names.of(agentId, conversation)}
                {status === 'offline' ? ' (offline)' : ''}
              </option>
            ))}
          </select>
        </label>
      )}
      <button
        type="button"
        onClick={() =>
          act(
            isClosed
              ? chat.request('POST /business/conversations/{id}/reopen', { params })
              : chat.request('POST /business/conversations/{id}/close', { params }),
          )
        }
      >
        {isClosed ? 'Open the chat again' : 'Close the chat'}
      </button>
    </div>
  )
}
