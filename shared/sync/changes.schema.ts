import * as z from 'zod'
import { Conversation } from '../conversations/conversations.schema.ts'
import { Message } from '../messages/messages.schema.ts'

/** Tokens are opaque, and a bad one is `invalid_cursor`, so nothing more is said of them here. */
export const ChangesQuery = z.strictObject({ since: z.string().optional() })

export const Deletion = z.object({
  conversationId: z.uuid(),
  messageId: z.uuid(),
  seq: z.int(),
  deletedAt: z.iso.datetime(),
})
export type Deletion = z.output<typeof Deletion>

export const ReadPosition = z.object({ conversationId: z.uuid(), userId: z.uuid(), lastReadSeq: z.int() })
export type ReadPosition = z.output<typeof ReadPosition>

export const Changes = z.object({
  /** As the caller sees them now, in place of what was known of them. */
  conversations: z.array(Conversation),
  /** New and not deleted, in the order of `seq` for each conversation. */
  messages: z.array(Message),
  deletions: z.array(Deletion),
  reads: z.array(ReadPosition),
  /** Ids of conversations that the caller has left: to be forgotten before anything else of the answer is applied. */
  left: z.array(z.uuid()),
  /** The token for the next call. */
  next: z.string(),
  /** There is more to be had at once. */
  hasMore: z.boolean(),
})
export type Changes = z.output<typeof Changes>
