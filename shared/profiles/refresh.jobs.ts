import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { Id } from '../platform/ids.ts'
import { createQueue, type Queue } from '../platform/queue.ts'
import { mostSubjects } from './main-service.ts'

/** Fetch these profiles anew: they are old, and in use. */
export const RefreshJob = z.object({
  subjects: z.array(z.object({ kind: z.enum(['user', 'business']), id: Id })).max(mostSubjects),
})
export type RefreshJob = z.output<typeof RefreshJob>

export type RefreshQueue = Queue<RefreshJob>

const RefreshQueueConfig = z.object({ PROFILES_QUEUE_URL: z.url() })

export const refreshQueueFromEnvironment = (): RefreshQueue =>
  createQueue<RefreshJob>(readConfig(RefreshQueueConfig).PROFILES_QUEUE_URL)
