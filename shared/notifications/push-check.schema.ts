import * as z from 'zod'
import type { PushCheck as Check } from './push-check.jobs.ts'

/** A push check as it comes out of the queue. */
export const PushCheck: z.ZodType<Check> = z.object({
  conversationId: z.uuid(),
  userIds: z.array(z.uuid()),
  fromSeq: z.int(),
  throughSeq: z.int(),
})
