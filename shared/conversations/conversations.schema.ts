import * as z from 'zod'
import { Priority } from '../business/priority.ts'
import { Message } from '../messages/messages.schema.ts'
import { plainText } from '../messages/plain-text.ts'
import { Id } from '../platform/ids.ts'
import { wellFormed } from '../platform/text.ts'
import { wholeNumber } from '../platform/whole-number.ts'
import { Profile } from '../profiles/profiles.schema.ts'

export const maxGroupParticipants = 8
const maxNameUnits = 100

/** The name of a group: one line of plain text. */
const GroupName = wellFormed
  .max(maxNameUnits)
  .transform(name => plainText(name).replace(/\s+/g, ' ').trim())
  .refine(name => name !== '', { error: 'There is no text' })
  .refine(name => name.length <= maxNameUnits, { error: `At most ${maxNameUnits} UTF-16 units` })

export const OpenDirect = z.strictObject({ targetUserId: Id })

export const CreateGroup = z.strictObject({
  id: Id.optional(),
  participantIds: z
    .array(Id)
    .min(1)
    .max(maxGroupParticipants - 1)
    .refine(ids => new Set(ids).size === ids.length, { error: 'Each user once' }),
  name: GroupName.optional(),
})
export type CreateGroup = z.output<typeof CreateGroup>

export const RenameGroup = z.strictObject({ name: GroupName })

const GroupRole = z.enum(['member', 'admin'])
export type GroupRole = z.output<typeof GroupRole>

export const AddParticipant = z.strictObject({ userId: Id, role: GroupRole.default('member') })
export const ChangeRole = z.strictObject({ role: GroupRole })

/** Without `until` for good. */
export const SetMute = z
  .strictObject({
    isMuted: z.boolean(),
    until: z.iso
      .datetime({ offset: true })
      .transform(text => new Date(text))
      .nullable()
      .default(null),
  })
  .refine(({ isMuted, until }) => isMuted || until === null, { error: 'Only a mute has an end', path: ['until'] })

export const ListConversations = z.strictObject({
  type: z.enum(['direct', 'group', 'business']).optional(),
  search: wellFormed.trim().min(1).max(100).optional(),
  unread: z.literal('true').optional(),
  cursor: z.string().optional(),
  limit: wholeNumber(z.int().min(1).max(100)).default(20),
})
export type ListConversations = z.output<typeof ListConversations>

export const Participant = z.object({
  userId: z.uuid(),
  role: z.enum(['customer', 'agent', 'business', 'member', 'admin']),
  joinedAt: z.iso.datetime(),
  lastReadSeq: z.int(),
  lastDeliveredSeq: z.int(),
  profile: Profile,
})
export type Participant = z.output<typeof Participant>

/** What a conversation of type `business` has besides. */
export const BusinessStanding = z.object({
  businessId: z.uuid(),
  status: z.enum(['queued', 'assigned', 'closed']),
  /** Whose it is; of a closed one whose it was. */
  agentId: z.uuid().nullable(),
  priority: Priority,
  category: z.string().nullable(),
})
export type BusinessStanding = z.output<typeof BusinessStanding>

/** A conversation as one of its participants sees it. */
export const Conversation = z.object({
  id: z.uuid(),
  type: z.enum(['direct', 'group', 'business']),
  name: z.string(),
  avatarUrl: z.string().nullable(),
  createdAt: z.iso.datetime(),
  lastActivityAt: z.iso.datetime(),
  lastSeq: z.int(),
  lastMessage: Message.nullable(),
  /** Exact up to 1,000. */
  unreadCount: z.int(),
  /** There are more than 1,000 unread. */
  unreadCapped: z.literal(true).optional(),
  isMuted: z.boolean(),
  mutedUntil: z.iso.datetime().nullable(),
  participants: z.array(Participant),
  business: BusinessStanding.optional(),
})
export type Conversation = z.output<typeof Conversation>

export const Mute = Conversation.pick({ isMuted: true, mutedUntil: true })
export type Mute = z.output<typeof Mute>

export const ConversationPage = z.object({ items: z.array(Conversation), nextCursor: z.string().nullable() })
export type ConversationPage = z.output<typeof ConversationPage>
