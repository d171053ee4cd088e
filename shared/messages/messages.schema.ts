import * as z from 'zod'
import { Id, TimeOrderedId } from '../platform/ids.ts'
import { wellFormed } from '../platform/text.ts'
import { wholeNumber } from '../platform/whole-number.ts'
import { plainText } from './plain-text.ts'

const maxContentUnits = 4_000
const maxContentBytes = 24 * 1024
const maxMetadataBytes = 2 * 1024

const withinLimits = (text: string): boolean =>
  text.length <= maxContentUnits && Buffer.byteLength(text) <= maxContentBytes
const tooLong = { error: 'At most 4,000 UTF-16 units and 24 KB', abort: true }

/** What a person wrote, as plain text. The limits hold for what came and for what is left of it. */
export const Content = wellFormed
  .refine(withinLimits, tooLong)
  .transform(plainText)
  .refine(withinLimits, tooLong)
  .refine(text => text.trim() !== '', { error: 'There is no text' })

const fitsMetadata = (value: Record<string, unknown>): boolean => {
  try {
    return Buffer.byteLength(JSON.stringify(value)) <= maxMetadataBytes
  } catch {
    // Nested so deeply that it can't be written again: far beyond 2 KB.
    return false
  }
}

/** Kept as it came and never read. */
export const Metadata = z.record(z.string(), z.unknown()).refine(fitsMetadata, { error: 'At most 2 KB of JSON' })

export const SendMessage = z.strictObject({
  id: TimeOrderedId.optional(),
  content: Content,
  type: z.literal('text', { error: 'Clients send text only' }).optional(),
  metadata: Metadata.optional(),
})
export type SendMessage = z.output<typeof SendMessage>

export const SendMessageFrame = SendMessage.extend({ conversationId: Id })
export const MessageReference = z.strictObject({ conversationId: Id, messageId: Id })

const Seq = wholeNumber(z.int().min(0))

export const HistoryQuery = z
  .strictObject({
    before: Seq.optional(),
    after: Seq.optional(),
    limit: wholeNumber(z.int().min(1).max(100)).default(50),
  })
  .refine(({ before, after }) => before === undefined || after === undefined, {
    error: 'before and after exclude each other',
    path: ['after'],
  })
export type HistoryQuery = z.output<typeof HistoryQuery>

/** How far the caller's own message has come: to every other participant, or not yet. */
export const MessageStatus = z.enum(['sent', 'delivered', 'read'])
export type MessageStatus = z.output<typeof MessageStatus>

export const Message = z.object({
  id: z.uuid(),
  conversationId: z.uuid(),
  /** 1, 2, 3 … in its conversation, in commit order. */
  seq: z.int(),
  senderId: z.uuid(),
  type: z.enum(['text', 'system']),
  /** Null once deleted. */
  content: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  sentAt: z.iso.datetime(),
  deletedAt: z.iso.datetime().nullable(),
  /** On the caller's own messages only. */
  status: MessageStatus.optional(),
})
export type Message = z.output<typeof Message>

/** What is said of a message that was sent. */
export const SentMessage = z.object({
  ...Message.pick({ id: true, conversationId: true, seq: true, sentAt: true }).shape,
  /** It had been stored before. */
  duplicate: z.boolean(),
})
export type SentMessage = z.output<typeof SentMessage>

export const MessagePage = z.object({ items: z.array(Message), hasMore: z.boolean() })
export type MessagePage = z.output<typeof MessagePage>
