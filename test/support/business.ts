import { randomUUID } from 'node:crypto'
import type { Agent, OpenedConversation } from '../../shared/business/business.schema.ts'
import type { BusinessHours } from '../../shared/business/hours.schema.ts'
import type { Conversation, ConversationPage } from '../../shared/conversations/conversations.schema.ts'
import type { Answer, HttpOptions, Socket, World } from './world.ts'

/** A business of a test, with a manager who has its token. */
export interface TestBusiness {
  readonly id: string
  readonly manager: string
  /** A request with the token of the business. */
  manage<Body = Record<string, unknown>>(request: string, body?: object): Promise<Answer<Body>>
  /** Makes a user an agent, and connects them unless told otherwise. */
  addAgent(options?: { limit?: number; skills?: string[]; offline?: true }): Promise<{ id: string; socket?: Socket }>
  setHours(hours: Partial<BusinessHours>): Promise<void>
  inbox(query?: string): Promise<Conversation[]>
  /** A customer's request for a conversation. */
  open(customer: string, more?: object): Promise<Answer<OpenedConversation>>
  close(conversationId: string): Promise<Answer<OpenedConversation>>
}

/** Closed at any time, and so enforced. */
export const neverOpen: BusinessHours = {
  timezone: 'Asia/Kathmandu',
  schedule: {},
  holidays: [],
  specialHours: {},
  enforced: true,
}

/** With `known`, the same business by way of another world. */
export const newBusiness = (world: World, known?: Pick<TestBusiness, 'id' | 'manager'>): TestBusiness => {
  const { id, manager } = known ?? { id: randomUUID(), manager: world.newUser() }
  const manage = <Body>(request: string, body?: object) => {
    const options: HttpOptions = { businessId: id, ...(body && { body }) }
    return world.http<Body>(manager, request, options)
  }
  const succeed = async <Body>(answer: Promise<Answer<Body>>): Promise<Answer<Body>> => {
    const { status, body } = await answer
    if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`)
    return answer
  }
  return {
    id,
    manager,
    manage,
    addAgent: async ({ limit = 5, skills = [], offline } = {}) => {
      const agentId = world.newUser()
      await succeed(manage<Agent>(`POST /business/${id}/agents/${agentId}`))
      await succeed(manage(`PUT /business/${id}/agents/${agentId}/configure`, { maxConcurrentChats: limit, skills }))
      if (offline) return { id: agentId }
      const socket = await world.connect(agentId)
      await world.drain()
      return { id: agentId, socket }
    },
    setHours: async hours => {
      await succeed(manage(`PUT /business/${id}/hours`, { ...neverOpen, ...hours }))
    },
    inbox: async (query = '') =>
      (await succeed(manage<ConversationPage>(`GET /business/${id}/inbox${query}`))).body.items,
    open: (customer, more = {}) =>
      world.http<OpenedConversation>(customer, 'POST /conversations/business', { body: { businessId: id, ...more } }),
    close: conversationId => manage<OpenedConversation>(`POST /business/conversations/${conversationId}/close`),
  }
}
