import * as z from 'zod'
import { Id } from '../platform/ids.ts'

/** Any whole number from 0: what is beyond the newest message is taken as the newest. */
const Seq = z
  .number()
  .min(0)
  .refine(Number.isInteger, { error: 'A whole number is expected' })
  .transform(seq => Math.min(seq, Number.MAX_SAFE_INTEGER))

const Position = z.strictObject({ conversationId: Id, seq: Seq })
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
