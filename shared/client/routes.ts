import type {
  Agent,
  AgentPage,
  AgentSettings,
  AgentStatsPage,
  AssignTo,
  Availability,
  BusinessHours,
  BusinessPresence,
  BusinessSettings,
  BusinessStats,
  Changes,
  Conversation,
  ConversationPage,
  HoursStatus,
  MarkedRead,
  Message,
  MessagePage,
  Mute,
  NewBusinessChat,
  NewBusinessHours,
  NewBusinessSettings,
  NewDirect,
  NewGroup,
  NewMute,
  NewName,
  NewNotificationPreferences,
  NewParticipant,
  NewRole,
  NewTextMessage,
  NotificationPreferences,
  OpenedConversation,
  Participant,
  PresenceList,
  ReadTo,
  ReadUpTo,
  ReassignTo,
  ReceiptList,
  Ticket,
  UnreadCount,
  UnreadCounts,
} from './service.ts'

type Status = 'queued' | 'assigned' | 'closed'

export interface PageQuery {
  limit?: number
  cursor?: string
}

export interface ConversationsQuery extends PageQuery {
  type?: Conversation['type']
  search?: string
  unread?: true
}

/** Without a position the newest page. */
export interface HistoryQuery {
  before?: number
  after?: number
  limit?: number
}

interface OfConversation {
  id: string
}
interface OfMessage extends OfConversation {
  messageId: string
}
interface OfParticipant extends OfConversation {
  userId: string
}
interface OfBusiness {
  businessId: string
}
interface OfAgent extends OfBusiness {
  agentId: string
}

/** The HTTP API: what each route takes and answers. */
export interface Routes {
  'POST /conversations/direct': { body: NewDirect; answer: Conversation }
  'POST /conversations/group': { body: NewGroup; answer: Conversation }
  'POST /conversations/business': { body: NewBusinessChat; answer: OpenedConversation }
  'GET /conversations': { query?: ConversationsQuery; answer: ConversationPage }
  'GET /conversations/{id}': { params: OfConversation; answer: Conversation }
  'PATCH /conversations/{id}': { params: OfConversation; body: NewName; answer: Conversation }
  'POST /conversations/{id}/participants': {
    params: OfConversation
    body: NewParticipant
    answer: Participant
  }
  'DELETE /conversations/{id}/participants/{userId}': { params: OfParticipant; answer: undefined }
  'PUT /conversations/{id}/participants/{userId}/role': {
    params: OfParticipant
    body: NewRole
    answer: Participant
  }
  'PUT /conversations/{id}/read': {
    params: OfConversation
    body: ReadUpTo
    answer: ReadTo
  }
  'GET /conversations/{id}/unread-count': {
    params: OfConversation
    answer: UnreadCount
  }
  'POST /conversations/{id}/messages': { params: OfConversation; body: NewTextMessage; answer: Message }
  'GET /conversations/{id}/messages': { params: OfConversation; query?: HistoryQuery; answer: MessagePage }
  'GET /conversations/{id}/messages/{messageId}': { params: OfMessage; answer: Message }
  'DELETE /conversations/{id}/messages/{messageId}': { params: OfMessage; answer: undefined }
  'GET /conversations/{id}/messages/{messageId}/receipts': {
    params: OfMessage
    answer: ReceiptList
  }
  'PUT /conversations/{id}/mute': { params: OfConversation; body: NewMute; answer: Mute }
  'GET /notifications/preferences': { answer: NotificationPreferences }
  'PUT /notifications/preferences': { body: NewNotificationPreferences; answer: NotificationPreferences }
  'GET /notifications/unread-counts': { answer: UnreadCounts }
  'PUT /notifications/mark-all-read': { answer: MarkedRead }
  'POST /realtime/ticket': { answer: Ticket }
  'GET /presence': { query: { userIds: string }; answer: PresenceList }
  'GET /sync': { query?: { since?: string | undefined }; answer: Changes }
  'GET /business/{businessId}/inbox': {
    params: OfBusiness
    query?: PageQuery & { status?: Status; agentId?: string }
    answer: ConversationPage
  }
  'GET /business/{businessId}/stats': { params: OfBusiness; answer: BusinessStats }
  'GET /business/{businessId}/agents': { params: OfBusiness; query?: PageQuery; answer: AgentPage }
  'GET /business/{businessId}/agents/stats': { params: OfBusiness; query?: PageQuery; answer: AgentStatsPage }
  'POST /business/{businessId}/agents/{agentId}': { params: OfAgent; answer: Agent }
  'DELETE /business/{businessId}/agents/{agentId}': { params: OfAgent; answer: undefined }
  'PUT /business/{businessId}/agents/{agentId}/configure': {
    params: OfAgent
    body: AgentSettings
    answer: Agent
  }
  'PUT /business/{businessId}/agents/{agentId}/availability': {
    params: OfAgent
    body: Availability
    answer: Agent
  }
  'PUT /business/{businessId}/settings': {
    params: OfBusiness
    body: NewBusinessSettings
    answer: BusinessSettings
  }
  'GET /business/{businessId}/hours': { params: OfBusiness; answer: BusinessHours }
  'PUT /business/{businessId}/hours': {
    params: OfBusiness
    body: NewBusinessHours
    answer: BusinessHours
  }
  'GET /business/{businessId}/hours/status': { params: OfBusiness; answer: HoursStatus }
  'GET /business/{businessId}/presence': { params: OfBusiness; answer: BusinessPresence }
  'POST /business/conversations/{id}/assign': {
    params: OfConversation
    body: AssignTo
    answer: OpenedConversation
  }
  'POST /business/conversations/{id}/reassign': {
    params: OfConversation
    body: ReassignTo
    answer: OpenedConversation
  }
  'POST /business/conversations/{id}/close': { params: OfConversation; answer: OpenedConversation }
  'POST /business/conversations/{id}/reopen': { params: OfConversation; answer: OpenedConversation }
}

type Given<Route extends keyof Routes> = Omit<Routes[Route], 'answer'>

/** What a route takes besides its name: nothing, or its `params`, `query` and `body`. */
export type RequestOptions<Route extends keyof Routes> = keyof Given<Route> extends never
  ? []
  : Record<never, never> extends Given<Route>
    ? [options?: Given<Route>]
    : [options: Given<Route>]
