import * as z from 'zod'
import { Conversation } from '../conversations/conversations.schema.ts'
import { Content } from '../messages/messages.schema.ts'
import { plainText } from '../messages/plain-text.ts'
import { Id, TimeOrderedId } from '../platform/ids.ts'
import { wellFormed } from '../platform/text.ts'
import { wholeNumber } from '../platform/whole-number.ts'
import { Priority } from './priority.ts'

const maxWordUnits = 50
const maxSkills = 20
const maxReasonUnits = 500

/** One line of plain text. */
const line = (units: number) =>
  wellFormed
    .max(units)
    .transform(text => plainText(text).replace(/\s+/g, ' ').trim())
    .refine(text => text !== '', { error: 'There is no text' })

/** A category of conversations, or a skill of an agent: they match when they are the same but for case. */
const Word = line(maxWordUnits)

const Status = z.enum(['queued', 'assigned', 'closed'])

export const InitialMessage = z.strictObject({ id: TimeOrderedId.optional(), content: Content })

export const OpenBusiness = z.strictObject({
  businessId: Id,
  initialMessage: InitialMessage.optional(),
  priority: Priority.default('normal'),
  category: Word.optional(),
})
export type OpenBusiness = z.output<typeof OpenBusiness>

export const Assignment = z.object({
  status: Status,
  agentId: z.uuid().nullable(),
  /** 1 for the next to be taken; null for one that is not queued. */
  position: z.int().nullable(),
})
export type Assignment = z.output<typeof Assignment>

export const OpenedConversation = Conversation.extend({ assignment: Assignment })
export type OpenedConversation = z.output<typeof OpenedConversation>

export const Assign = z.strictObject({ agentId: Id })
export const Reassign = z.strictObject({ agentId: Id.optional(), reason: line(maxReasonUnits).optional() })

export const ConfigureAgent = z.strictObject({
  maxConcurrentChats: z.int().min(1).max(20),
  skills: z
    .array(Word)
    .max(maxSkills)
    .transform(skills => [...new Set(skills)]),
})
export type ConfigureAgent = z.output<typeof ConfigureAgent>

export const SetAvailability = z.strictObject({ isAvailable: z.boolean() })

export const BusinessSettings = z.strictObject({
  strategy: z.enum(['round_robin', 'least_busy']),
  /** What a customer who has to wait is told; without it our own text. */
  autoReply: Content.nullable().default(null),
})
export type BusinessSettings = z.output<typeof BusinessSettings>

const page = {
  cursor: z.string().optional(),
  limit: wholeNumber(z.int().min(1).max(100)).default(20),
}

export const InboxQuery = z.strictObject({ status: Status.optional(), agentId: Id.optional(), ...page })
export type InboxQuery = z.output<typeof InboxQuery>

export const AgentsQuery = z.strictObject(page)
export type AgentsQuery = z.output<typeof AgentsQuery>

export const Agent = z.object({
  agentId: z.uuid(),
  isAvailable: z.boolean(),
  status: z.enum(['online', 'offline']),
  lastSeenAt: z.iso.datetime().nullable(),
  /** How many conversations they have that are not closed. */
  activeChats: z.int(),
  maxConcurrentChats: z.int(),
  skills: z.array(z.string()),
  addedAt: z.iso.datetime(),
})
export type Agent = z.output<typeof Agent>

export const AgentPage = z.object({ items: z.array(Agent), nextCursor: z.string().nullable() })
export type AgentPage = z.output<typeof AgentPage>

const Figures = z.object({
  assigned: z.int(),
  closed: z.int(),
  /** From the opening of a conversation to the first message of an agent, or of the business. */
  medianFirstResponseSeconds: z.number().nullable(),
})

export const AgentWithStats = Agent.extend(Figures.shape)
export type AgentWithStats = z.output<typeof AgentWithStats>

export const AgentStatsPage = z.object({ items: z.array(AgentWithStats), nextCursor: z.string().nullable() })
export type AgentStatsPage = z.output<typeof AgentStatsPage>

export const AgentFigures = Figures.extend({ agentId: z.uuid() })

export const BusinessStats = Figures.extend({ queued: z.int(), agents: z.array(AgentFigures) })
export type BusinessStats = z.output<typeof BusinessStats>

export const BusinessPresence = z.object({ status: z.enum(['online', 'away', 'offline']), agentsOnline: z.int() })
export type BusinessPresence = z.output<typeof BusinessPresence>
