import {
  Agent,
  AgentFigures,
  AgentPage,
  AgentStatsPage,
  AgentsQuery,
  AgentWithStats,
  Assign,
  Assignment,
  BusinessPresence,
  BusinessSettings,
  BusinessStats,
  ConfigureAgent,
  InboxQuery,
  InitialMessage,
  OpenBusiness,
  OpenedConversation,
  Reassign,
  SetAvailability,
} from '../business/business.schema.ts'
import { BusinessHours, HoursStatus, Range, Week } from '../business/hours.schema.ts'
import { ConversationPage } from '../conversations/conversations.schema.ts'
import { businessStanding, conversation, participant } from './conversations.ts'
import { describeSchema, type ResourceDescription } from './description.ts'
import { cursor, ids, times } from './examples.ts'

const assignment = describeSchema(
  { Assignment },
  {
    about: 'Who has the conversation.',
    fields: {
      status: '`queued` until an agent has it, `assigned` until it is closed.',
      agentId: 'Whose it is; of a closed one whose it was.',
      position: 'Its place in the queue, 1 for the next to be taken; null when it is not queued.',
    },
    example: { status: 'assigned', agentId: ids.asha, position: null },
  },
)

const opened = describeSchema(
  { OpenedConversation },
  {
    about: 'A conversation with a business, and who has it.',
    fields: { ...conversation.fields, assignment: 'Who has it.' },
    example: {
      ...conversation.example,
      id: ids.chat,
      type: 'business',
      name: 'Himal Outdoor',
      participants: [
        { ...participant.example, userId: ids.alice, role: 'customer' },
        { ...participant.example, userId: ids.asha, role: 'agent' },
      ],
      lastSeq: 0,
      lastMessage: null,
      business: businessStanding.example,
      assignment: assignment.example,
    },
  },
)

const agent = describeSchema(
  { Agent },
  {
    about: 'Somebody who answers for a business.',
    fields: {
      agentId: 'The user.',
      isAvailable: 'They take new chats.',
      status: 'Whether they are online: only then they get new chats.',
      lastSeenAt: 'Null while online, and where it is not known.',
      activeChats: 'How many chats they have that are not closed.',
      maxConcurrentChats: 'How many they may have.',
      skills: 'What they know: chats of such a category go to them first.',
      addedAt: 'Since when they are an agent.',
    },
    example: {
      agentId: ids.asha,
      isAvailable: true,
      status: 'online',
      lastSeenAt: null,
      activeChats: 2,
      maxConcurrentChats: 5,
      skills: ['billing'],
      addedAt: times.opened,
    },
  },
)

const figures = {
  fields: {
    assigned: 'Conversations that an agent has now.',
    closed: 'Conversations that are closed.',
    medianFirstResponseSeconds:
      'From the opening of a conversation to the first message of an agent, or of the business. Null while there is none.',
  },
  example: { assigned: 2, closed: 40, medianFirstResponseSeconds: 74 },
}

const agentFigures = describeSchema(
  { AgentFigures },
  {
    about: 'What an agent has and has had.',
    fields: { ...figures.fields, agentId: 'The agent.' },
    example: { ...figures.example, agentId: ids.asha },
  },
)

const agentWithStats = describeSchema(
  { AgentWithStats },
  {
    about: 'An agent, with what they have and have had.',
    fields: { ...agent.fields, ...figures.fields },
    example: { ...agent.example, ...figures.example },
  },
)

const initialMessage = describeSchema(
  { InitialMessage },
  {
    about: 'A first message.',
    fields: {
      id: 'A UUIDv7 minted on server time: with it the message is sent once, however often the call is repeated.',
      content: 'Plain text, 1 to 4,000 UTF-16 units and at most 24 KB.',
    },
    example: { id: ids.message, content: 'Where is my tent?' },
  },
)

const range = describeSchema(
  { OpeningRange: Range },
  {
    about: 'From `open` until just before `close`. It belongs to the day on which it opens.',
    fields: { open: 'HH:MM.', close: 'HH:MM, or 24:00; one that is not after `open` is a time of the next day.' },
    example: { open: '09:00', close: '12:30' },
  },
)

const week = describeSchema(
  { OpeningWeek: Week },
  {
    about:
      'The ranges of each day, at most 10 in any order; what lies between them is a break. A day that is missing is closed.',
    fields: {
      monday: 'Its ranges.',
      tuesday: 'Its ranges.',
      wednesday: 'Its ranges.',
      thursday: 'Its ranges.',
      friday: 'Its ranges.',
      saturday: 'Its ranges.',
      sunday: 'Its ranges.',
    },
    example: {
      monday: [range.example, { open: '13:30', close: '17:00' }],
      friday: [{ open: '22:00', close: '03:00' }],
    },
  },
)

const page = {
  cursor: 'Where the page begins: `nextCursor` of the page before, with the same filters.',
  limit: 'How many at most.',
}
const nextCursor = 'Where the next page begins; null at the end.'

export const business: ResourceDescription = {
  name: 'Business chat',
  about:
    'Conversations of a customer with a business, its agents, its queue and its hours. What changes a business needs a token whose `businessId` is that business; its agents may read. What is refused is put on record.',
  routes: {
    'POST /conversations/business': {
      id: 'openBusinessConversation',
      summary: 'Open a conversation with a business',
      about:
        'A customer has one open conversation with a business at most. A new one goes to an agent at once, or waits in the queue, and the customer is told so by one system message.',
      answers: {
        201: { when: 'It is opened.', body: OpenedConversation },
        200: { when: 'The caller had an open one.', body: OpenedConversation },
      },
      problems: ['not_found', 'message_id_expired', 'message_id_taken', 'another_open', 'conversation_closed'],
    },
    'GET /business/{businessId}/inbox': {
      id: 'readInbox',
      summary: 'Read the inbox',
      about:
        'Queued, assigned, closed; within these the more urgent first, then the longest waiting. An agent sees the content of their own conversations only.',
      answers: { 200: { when: 'A page.', body: ConversationPage } },
      problems: ['forbidden', 'invalid_cursor'],
    },
    'GET /business/{businessId}/stats': {
      id: 'getBusinessStats',
      summary: 'See how a business does',
      about: 'In all and by agent.',
      answers: { 200: { when: 'The figures.', body: BusinessStats } },
      problems: ['forbidden'],
    },
    'GET /business/{businessId}/agents': {
      id: 'listAgents',
      summary: 'List the agents',
      about: 'With availability, presence and load, in the order in which they were added.',
      answers: { 200: { when: 'A page.', body: AgentPage } },
      problems: ['forbidden', 'invalid_cursor'],
    },
    'GET /business/{businessId}/agents/stats': {
      id: 'listAgentsWithStats',
      summary: 'List the agents with their figures',
      about: 'The same list, with what each has and has had.',
      answers: { 200: { when: 'A page.', body: AgentStatsPage } },
      problems: ['forbidden', 'invalid_cursor'],
    },
    'POST /business/{businessId}/agents/{agentId}': {
      id: 'addAgent',
      summary: 'Make a user an agent',
      about: 'Available, with the usual limit and no skills.',
      answers: {
        201: { when: 'They are an agent now.', body: Agent },
        200: { when: 'They were one before.', body: Agent },
      },
      problems: ['forbidden'],
    },
    'DELETE /business/{businessId}/agents/{agentId}': {
      id: 'removeAgent',
      summary: 'End an agent’s work',
      about:
        'Their open conversations go to others, or back into the queue. They see nothing of the business any more.',
      answers: { 204: { when: 'They are no agent any more.' } },
      problems: ['forbidden', 'not_found'],
    },
    'PUT /business/{businessId}/agents/{agentId}/configure': {
      id: 'configureAgent',
      summary: 'Set an agent’s limit and skills',
      about: 'A limit below what they have takes nothing from them: they get nothing new until they are below it.',
      answers: { 200: { when: 'It is set.', body: Agent } },
      problems: ['forbidden', 'not_found'],
    },
    'PUT /business/{businessId}/agents/{agentId}/availability': {
      id: 'setAvailability',
      summary: 'Say whether an agent takes new chats',
      about: 'The agent may, and the business. The chats they have stay theirs.',
      answers: { 200: { when: 'It is set.', body: Agent } },
      problems: ['forbidden', 'not_found'],
    },
    'PUT /business/{businessId}/settings': {
      id: 'changeBusinessSettings',
      summary: 'Say how conversations are given out',
      about: 'Replaces all settings.',
      answers: { 200: { when: 'They are set.', body: BusinessSettings } },
      problems: ['forbidden'],
    },
    'GET /business/{businessId}/hours': {
      id: 'getHours',
      summary: 'Read the hours',
      about: 'Of a business that has set none: no ranges, not enforced. Its customers may read them, too.',
      answers: { 200: { when: 'The hours.', body: BusinessHours } },
      problems: ['forbidden'],
    },
    'PUT /business/{businessId}/hours': {
      id: 'changeHours',
      summary: 'Set the hours',
      about: 'Replaces all of them.',
      answers: { 200: { when: 'They are set.', body: BusinessHours } },
      problems: ['forbidden'],
    },
    'GET /business/{businessId}/hours/status': {
      id: 'getHoursStatus',
      summary: 'Ask whether a business is open',
      about: 'By its hours, whether they are enforced or not; without any it is always open. Looks 366 days ahead.',
      answers: { 200: { when: 'The status now.', body: HoursStatus } },
      problems: ['forbidden'],
    },
    'GET /business/{businessId}/presence': {
      id: 'getBusinessPresence',
      summary: 'Ask whether somebody would answer',
      about: 'From the presence of its agents. Its customers may ask, too.',
      answers: { 200: { when: 'The presence now.', body: BusinessPresence } },
      problems: ['forbidden'],
    },
    'POST /business/conversations/{id}/assign': {
      id: 'assignConversation',
      summary: 'Give a queued conversation to an agent',
      about: 'The business may, also out of hours. The agent has to be online, available and below their limit.',
      answers: { 200: { when: 'They have it.', body: OpenedConversation } },
      problems: ['not_found', 'forbidden', 'already_assigned', 'agent_not_available', 'conversation_closed'],
    },
    'POST /business/conversations/{id}/reassign': {
      id: 'reassignConversation',
      summary: 'Give a conversation to another agent',
      about:
        'To the one who is named, or else whom the strategy chooses; with nobody to take it, it is queued. The new agent sees it from its start, the old one nothing of it any more.',
      answers: { 200: { when: 'It is another’s, or queued.', body: OpenedConversation } },
      problems: ['not_found', 'forbidden', 'agent_not_available', 'conversation_closed'],
    },
    'POST /business/conversations/{id}/close': {
      id: 'closeConversation',
      summary: 'Close a conversation',
      about: 'Its agent may, and the business. A message of the customer opens it again.',
      answers: { 200: { when: 'It is closed.', body: OpenedConversation } },
      problems: ['not_found', 'forbidden'],
    },
    'POST /business/conversations/{id}/reopen': {
      id: 'reopenConversation',
      summary: 'Open a conversation again',
      about: 'Its agent may, and the business.',
      answers: { 200: { when: 'It is open.', body: OpenedConversation } },
      problems: ['not_found', 'forbidden', 'another_open'],
    },
  },
  schemas: [
    assignment,
    opened,
    agent,
    agentFigures,
    agentWithStats,
    initialMessage,
    range,
    week,
    describeSchema(
      { AgentPage },
      {
        about: 'A page of agents.',
        fields: { items: 'In the order in which they were added.', nextCursor },
        example: { items: [agent.example], nextCursor: null },
      },
    ),
    describeSchema(
      { AgentStatsPage },
      {
        about: 'A page of agents with their figures.',
        fields: { items: 'In the order in which they were added.', nextCursor },
        example: { items: [agentWithStats.example], nextCursor: null },
      },
    ),
    describeSchema(
      { BusinessStats },
      {
        about: 'How a business does.',
        fields: { ...figures.fields, queued: 'Conversations that wait for an agent.', agents: 'The same by agent.' },
        example: { ...figures.example, queued: 1, agents: [agentFigures.example] },
      },
    ),
    describeSchema(
      { BusinessPresence },
      {
        about: 'Whether somebody would answer.',
        fields: {
          status:
            '`online`: an agent could take a chat now; `away`: agents are there, but full, not available or out of hours; else `offline`.',
          agentsOnline: 'How many agents are online.',
        },
        example: { status: 'online', agentsOnline: 2 },
      },
    ),
    describeSchema(
      { HoursStatus },
      {
        about: 'Whether a business is open.',
        fields: {
          isOpen: 'It is open now.',
          nextOpeningAt: 'Null while it is open, and when there is none within 366 days.',
          nextClosingAt: 'Null while it is closed, and when there is none within 366 days.',
        },
        example: { isOpen: false, nextOpeningAt: times.nextDay, nextClosingAt: null },
      },
    ),
    describeSchema(
      { OpenBusiness },
      {
        about: 'With which business, and what about.',
        fields: {
          businessId: 'The business.',
          initialMessage: 'A first message, sent in the same call.',
          priority: 'The more urgent ones leave the queue first.',
          category: 'What it is about: agents with this skill go first.',
        },
        example: {
          businessId: ids.shop,
          initialMessage: initialMessage.example,
          priority: 'normal',
          category: 'billing',
        },
      },
    ),
    describeSchema(
      { InboxQuery },
      {
        about: 'Which conversations.',
        fields: { status: 'Only those of this status.', agentId: 'Only those of this agent.', ...page },
        example: { status: 'queued', agentId: ids.asha, cursor, limit: '20' },
      },
    ),
    describeSchema({ AgentsQuery }, { about: 'Which page.', fields: page, example: { cursor, limit: '20' } }),
    describeSchema(
      { ConfigureAgent },
      {
        about: 'An agent’s limit and skills.',
        fields: { maxConcurrentChats: 'How many chats they may have.', skills: 'What they know.' },
        example: { maxConcurrentChats: 5, skills: ['billing', 'Nepali'] },
      },
    ),
    describeSchema(
      { SetAvailability },
      {
        about: 'Whether an agent takes new chats.',
        fields: { isAvailable: 'They do.' },
        example: { isAvailable: false },
      },
    ),
    describeSchema(
      { BusinessSettings },
      {
        about: 'How conversations are given out.',
        fields: {
          strategy: 'In turn, or to whoever has the fewest.',
          autoReply: 'What a customer who has to wait is told; null: the service’s own text.',
        },
        example: { strategy: 'least_busy', autoReply: 'We will be with you soon.' },
      },
    ),
    describeSchema(
      { BusinessHours },
      {
        about: 'When a business is open. Dates, days and times are those of its time zone.',
        fields: {
          timezone: 'An IANA name.',
          schedule: 'The ranges of a usual week.',
          holidays: 'Dates on which it is closed, whatever the week says.',
          specialHours: 'Ranges for single dates, instead of the week, and of a holiday on the same date.',
          enforced: 'Chats wait in the queue while it is closed.',
        },
        example: {
          timezone: 'Asia/Kathmandu',
          schedule: week.example,
          holidays: ['2026-10-20'],
          specialHours: { '2026-12-24': [{ open: '09:00', close: '12:00' }] },
          enforced: true,
        },
      },
    ),
    describeSchema(
      { Assign },
      { about: 'To whom.', fields: { agentId: 'An agent of the business.' }, example: { agentId: ids.asha } },
    ),
    describeSchema(
      { Reassign },
      {
        about: 'To whom, and why.',
        fields: {
          agentId: 'An agent of the business; without it the strategy chooses.',
          reason: 'One line of plain text, kept in the audit.',
        },
        example: { agentId: ids.asha, reason: 'Speaks Nepali' },
      },
    ),
  ],
}
