import * as z from 'zod'
import { MessageStatus } from '../messages/messages.schema.ts'
import { Id } from '../platform/ids.ts'

/** Any whole number from 0: what is beyond the newest message is taken as the newest. */
const Seq = z
  .number()
  .min(0)
  .refine(Number.isInteger, { error: 'A whole number is expected' })
  .transform(seq => Math.min(seq, Number.MAX_SAFE_INTEGER))

export const Position = z.strictObject({ conversationId: Id, seq: Seq })
const maxPositions = 100

/** One position, or several. */
export const Positions = z.union(
  [
    Position.transform(position => ({ positions: [position], isSingle: true })),
    z
      .strictObject({ positions: z.array(Position).min(1).max(maxPositions) })
      .transform(({ positions }) => ({ positions, isSingle: false })),
  ],
  { error: `Give { conversationId, seq } or { positions: [{ conversationId, seq }] }, at most ${maxPositions}` },
)
export type Positions = z.output<typeof Positions>

/** Without either: everything. */
export const MarkRead = z
  .strictObject({ messageId: Id.optional(), seq: Seq.optional() })
  .refine(({ messageId, seq }) => messageId === undefined || seq === undefined, {
    error: 'messageId and seq exclude each other',
    path: ['seq'],
  })
export type MarkRead = z.output<typeof MarkRead>

export const ReadUpTo = z.object({ lastReadSeq: z.int(), unreadCount: z.int() })
export type ReadUpTo = z.output<typeof ReadUpTo>

/** What is left unread, each counted up to 1,000: of the one conversation that was named, or by conversation. */
export const LeftUnread = z.union([
  z.object({ unreadCount: z.int() }),
  z.object({ unread: z.record(z.uuid(), z.int()) }),
])
export type LeftUnread = z.output<typeof LeftUnread>

export const UnreadCount = z.object({ conversationId: z.uuid(), unreadCount: z.int() })

export const UnreadCounts = z.object({
  total: z.int(),
  /** Only conversations that have unread messages; each counted up to 1,000. */
  conversations: z.record(z.uuid(), z.int()),
  /** At least one conversation has more than 1,000. */
  unreadCapped: z.literal(true).optional(),
})
export type UnreadCounts = z.output<typeof UnreadCounts>

export const MarkedRead = z.object({ marked: z.int() })
export type MarkedRead = z.output<typeof MarkedRead>

export const Receipt = z.object({ userId: z.uuid(), status: MessageStatus })
export type Receipt = z.output<typeof Receipt>

export const ReceiptList = z.object({ items: z.array(Receipt) })
