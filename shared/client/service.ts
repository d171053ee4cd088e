import type * as z from 'zod'
import type * as tickets from '../auth/tickets.schema.ts'
import type * as business from '../business/business.schema.ts'
import type * as hours from '../business/hours.schema.ts'
import type * as conversations from '../conversations/conversations.schema.ts'
import type * as events from '../delivery/events.ts'
import type * as sync from '../delivery/sync.schema.ts'
import type * as messages from '../messages/messages.schema.ts'
import type * as notifications from '../notifications/preferences.schema.ts'
import type * as problemDocuments from '../platform/problem.schema.ts'
import type * as problems from '../platform/problems.ts'
import type * as presence from '../presence/presence.schema.ts'
import type * as typing from '../presence/typing.schema.ts'
import type * as receipts from '../receipts/receipts.schema.ts'
import type * as changes from '../sync/changes.schema.ts'
import type * as frames from '../transport/frames.schema.ts'

// All that the client knows of the service are its types. `npm run build:client` writes them out, so that neither the service's
// files nor zod are needed by whoever uses the package.

export type Message = messages.Message
export type MessagePage = messages.MessagePage
/** How far an own message has come: to every other participant, or not yet. */
export type MessageStatus = messages.MessageStatus
export type NewTextMessage = z.input<typeof messages.SendMessage>
export type SentMessage = messages.SentMessage
export type MessageToSend = z.input<typeof messages.SendMessageFrame>
export type MessageReference = z.input<typeof messages.MessageReference>

export type Conversation = conversations.Conversation
export type ConversationPage = conversations.ConversationPage
export type Participant = conversations.Participant
export type NewDirect = z.input<typeof conversations.OpenDirect>
export type NewGroup = z.input<typeof conversations.CreateGroup>
export type NewName = z.input<typeof conversations.RenameGroup>
export type NewParticipant = z.input<typeof conversations.AddParticipant>
export type NewRole = z.input<typeof conversations.ChangeRole>
export type Mute = conversations.Mute
export type NewMute = z.input<typeof conversations.SetMute>

export type Presence = presence.Presence
export type PresenceList = presence.PresenceList
export type TypingIn = z.input<typeof typing.TypingFrame>
export type TypingEnd = typing.TypingEnd

export type ReadUpTo = z.input<typeof receipts.MarkRead>
export type NewPositions = z.input<typeof receipts.Positions>
export type ReadTo = receipts.ReadUpTo
export type LeftUnread = receipts.LeftUnread
export type UnreadCount = z.output<typeof receipts.UnreadCount>
export type UnreadCounts = receipts.UnreadCounts
export type MarkedRead = receipts.MarkedRead
export type ReceiptList = z.output<typeof receipts.ReceiptList>
export type NotificationPreferences = notifications.NotificationPreferences
export type NewNotificationPreferences = z.input<typeof notifications.NotificationPreferences>

export type Ticket = tickets.Ticket

export type SyncFrom = z.input<typeof sync.SyncRequest>
export type SyncAccepted = z.output<typeof sync.SyncAccepted>
export type SyncCompleted = z.output<typeof sync.SyncCompleted>
export type Changes = changes.Changes
export type Deletion = changes.Deletion

export type OpenedConversation = business.OpenedConversation
export type NewBusinessChat = z.input<typeof business.OpenBusiness>
export type AssignTo = z.input<typeof business.Assign>
export type ReassignTo = z.input<typeof business.Reassign>
export type Agent = business.Agent
export type AgentPage = business.AgentPage
export type AgentWithStats = business.AgentWithStats
export type AgentStatsPage = business.AgentStatsPage
export type AgentSettings = z.input<typeof business.ConfigureAgent>
export type Availability = z.input<typeof business.SetAvailability>
export type BusinessSettings = business.BusinessSettings
export type NewBusinessSettings = z.input<typeof business.BusinessSettings>
export type BusinessStats = business.BusinessStats
export type BusinessPresence = business.BusinessPresence
export type BusinessHours = hours.BusinessHours
export type NewBusinessHours = z.input<typeof hours.BusinessHours>
export type HoursStatus = hours.HoursStatus

export type ProblemCode = problems.ProblemCode
export type FieldError = problemDocuments.FieldError
export type ProblemDocument = problemDocuments.ProblemDocument

export type ServerTime = z.output<typeof frames.ServerTime>
/** What the server says by itself. */
export type ServerEvent = events.ServerEvent
