import type { Agent, Conversation } from 'kaha-chat-client'
import { useEffect, useState } from 'preact/hooks'
import { BusinessAgents } from './business-agents.tsx'
import { ConversationItem } from './conversation-item.tsx'
import type { Names } from './names.ts'
import type { People } from './people.ts'
import type { Session } from './session.ts'

interface BusinessDeskProps {
  session: Session
  businessId: string
  people: People
  names: Names
  openId: string | null
  open(conversationId: string): void
}

/** What has happened to one chat often concerns others, too: they are looked up together, and not for each. */
const pauseMs = 300
/** That an agent takes a break is told to nobody, so it is looked up while somebody looks. */
const agentsEveryMs = 5_000

/** A business' inbox and agents, kept up to date by what its socket hears. */
const useDesk = (session: Session, businessId: string) => {
  const { chat } = session
  const [inbox, setInbox] = useState<readonly Conversation[] | null>(null)
  const [agents, setAgents] = useState<readonly Agent[]>([])
  const load = async (): Promise<void> => {
    const params = { businessId }
    const [chats, team] = await Promise.all([
      chat.request('GET /business/{businessId}/inbox', { params, query: { limit: 100 } }),
      chat.request('GET /business/{businessId}/agents', { params, query: { limit: 100 } }),
    ])
    setInbox(chats.items)
    setAgents(team.items)
  }
  const reload = (): void => void load().catch(session.report)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const standings = new Map<string, string>()
    const soon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined
        reload()
      }, pauseMs)
    }
    reload()
    const ends = [
      chat.on('presence', soon),
      chat.on('conversation', ({ id, business }) => {
        const standing = `${business?.status} ${business?.agentId}`
        if (standings.get(id) !== standing) soon()
        standings.set(id, standing)
      }),
    ]
    return () => {
      clearTimeout(timer)
      for (const end of ends) end()
    }
  }, [chat])
  return { inbox, agents, reload }
}

const groups = [
  { status: 'queued', title: 'Waiting' },
  { status: 'assigned', title: 'With an agent' },
  { status: 'closed', title: 'Closed' },
] as const

/** The pane of a business: its inbox, ordered as the service orders it, and who answers it. */
export const BusinessDesk = ({ session, businessId, people, names, openId, open }: BusinessDeskProps) => {
  const { inbox, agents, reload } = useDesk(session, businessId)
  const [tab, setTab] = useState<'inbox' | 'agents'>('inbox')
  useEffect(() => {
    if (tab !== 'agents') return
    reload()
    const timer = setInterval(reload, agentsEveryMs)
    return () => clearInterval(timer)
  }, [tab])
  const { chat } = session
  const known = new Map(chat.known.map(conversation => [conversation.id, conversation]))
  /** One of which the socket has told nothing yet is known from the list only. */
  const openOne = (id: string): void => void chat.conversation(id).then(() => open(id), session.report)
  // What the socket has told since is newer than the list.
  const chats = (inbox ?? []).map(conversation => known.get(conversation.id) ?? conversation)
  return (
    <>
      <div class="side-top">
        <h2 class="sr">Business</h2>
        <div class="segments">
          {(['inbox', 'agents'] as const).map(name => (
            <button key={name} type="button" aria-pressed={tab === name} onClick={() => setTab(name)}>
              {name === 'inbox' ? 'Inbox' : 'Agents'}
            </button>
          ))}
        </div>
      </div>
      {tab === 'agents' ? (
        <BusinessAgents
          session={session}
          businessId={businessId}
          people={people}
          names={names}
          agents={agents}
          changed={reload}
        />
      ) : chats.length === 0 ? (
        <div class="empty">
          <p>{inbox ? 'Nobody has written yet.' : 'Loading …'}</p>
          {inbox && agents.length === 0 && (
            <button type="button" class="primary" onClick={() => setTab('agents')}>
              Add an agent
            </button>
          )}
        </div>
      ) : (
        <div class="scroll">
          {groups.map(({ status, title }) => {
            const those = chats.filter(({ business }) => business?.status === status)
            return (
              those.length > 0 && (
                <section key={status} aria-label={title}>
                  <h3 class="group-title">
                    {title} <span>{those.length}</span>
                  </h3>
                  <ul class="items">
                    {those.map(conversation => (
                      <ConversationItem
                        key={conversation.id}
                        session={session}
                        names={names}
                        conversation={conversation}
                        isOpen={conversation.id === openId}
                        open={() => openOne(conversation.id)}
                      />
                    ))}
                  </ul>
                </section>
              )
            )
          })}
        </div>
      )}
    </>
  )
}
