import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { createQueue, type Queue } from '../platform/queue.ts'

/** What the sweep does, each by itself, so that one that has much to do holds up no other. */
export const SweepTask = z.enum(['presence', 'positions', 'pending', 'unmarked', 'connections', 'business'])
export type SweepTask = z.output<typeof SweepTask>

export const SweepJob = z.object({
  task: SweepTask,
  /** One bucket that had more to do than fits in a job; without it all of them. */
  bucket: z.int().min(0).optional(),
  /** `business`: the one behind which to go on. */
  afterId: z.uuid().optional(),
  /** `unmarked`: only what has become due in the last ticks; without it all that the sweep still minds. */
  isRecent: z.boolean().optional(),
  /**
   * `unmarked`: what was sent after `from` and not after `until` (ms since 1970), of which this job looks at no more than the first
   * `step` (ms), and the next one goes on.
   */
  sent: z.object({ from: z.int(), until: z.int(), step: z.int().min(1).optional() }).optional(),
})
export type SweepJob = z.output<typeof SweepJob>

export type SweepQueue = Queue<SweepJob>

const SweepQueueConfig = z.object({ SWEEP_QUEUE_URL: z.url() })

export const sweepQueueFromEnvironment = (): SweepQueue =>
  createQueue<SweepJob>(readConfig(SweepQueueConfig).SWEEP_QUEUE_URL)
