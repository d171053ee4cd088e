import * as z from 'zod'
import { Id } from '../platform/ids.ts'

const maxConversations = 100

export const SyncRequested = z.strictObject({ id: Id, afterSeq: z.int().min(0) })

export const SyncRequest = z.strictObject({
  conversations: z
    .array(SyncRequested)
    .max(maxConversations)
    .refine(list => new Set(list.map(({ id }) => id)).size === list.length, { error: 'Each conversation once' }),
})

export const SyncAccepted = z.object({ accepted: z.literal(true) })

/** All up to `throughSeq` is settled. */
export const SyncedConversation = z.object({ id: z.uuid(), throughSeq: z.int(), hasMore: z.boolean() })

export const SyncCompleted = z.object({
  /** Of the request, where it had one. */
  requestId: z.string().optional(),
  conversations: z.array(SyncedConversation),
})
