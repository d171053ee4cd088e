import * as z from 'zod'
import type { ReplayJob as Job } from './replay.jobs.ts'

const Connection = z.object({
  id: z.string(),
  userId: z.uuid(),
  businessId: z.uuid().optional(),
  connectedAt: z.number(),
})
const Progress = z.object({ conversationId: z.uuid(), seq: z.int() })
const common = { id: z.string(), hop: z.int() }
const ofConnection = { ...common, connection: Connection, waits: z.int().optional(), outages: z.int().optional() }
const ofReplay = { ...ofConnection, cameOnline: z.boolean(), progress: Progress.optional(), replayed: z.int() }

/** The jobs of the replay queue as they come out of it. */
export const ReplayJob: z.ZodType<Job> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('connect'), ...ofReplay, withReplay: z.boolean() }),
  z.object({ kind: z.literal('missing'), ...ofReplay }),
  z.object({
    kind: z.literal('sync'),
    ...ofConnection,
    requestId: z.string().optional(),
    conversations: z.array(z.object({ id: z.uuid(), afterSeq: z.int() })),
    completed: z.array(z.object({ id: z.uuid(), throughSeq: z.int(), hasMore: z.boolean() })),
  }),
  z.object({ kind: z.literal('expired'), ...ofConnection }),
  z.object({ kind: z.literal('limited'), ...ofConnection, retryAfterSeconds: z.number() }),
  z.object({
    kind: z.literal('unrouted'),
    ...common,
    conversationId: z.uuid(),
    seq: z.int(),
    senderId: z.uuid(),
    recipients: z.array(z.uuid()),
    businessId: z.uuid().nullish(),
  }),
])
