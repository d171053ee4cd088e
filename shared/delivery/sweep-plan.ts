import type { Cluster } from 'ioredis'
import { keys } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import type { SweepQueue, SweepTask } from './sweep.jobs.ts'

/** How often each task is done, in seconds. */
export interface SweepPeriods {
  presence: number
  rest: number
}

/** The schedule fires somewhere within its minute; two minutes ahead, a late one leaves no gap. */
const aheadSeconds = 120
const plannedMs = 5 * 60 * 1000

const restTasks: readonly SweepTask[] = ['positions', 'pending', 'unmarked', 'connections', 'business']

/**
 * Queues the ticks of the next two minutes, each with its delay, and none that was queued before: so it can be called as often
 * as one likes, and twice at the same time. Returns how many it queued.
 */
export const planSweep = async (
  { redis, sweeps }: { redis: Cluster; sweeps: SweepQueue },
  now: Date,
  periods: SweepPeriods,
): Promise<number> => {
  const nowSeconds = now.getTime() / 1000
  const slotsOf = (task: SweepTask, period: number) => {
    const first = Math.ceil(nowSeconds / period)
    const count = Math.ceil(aheadSeconds / period)
    return Array.from({ length: count }, (_, index) => ({ task, at: (first + index) * period }))
  }
  const slots = [...slotsOf('presence', periods.presence), ...restTasks.flatMap(task => slotsOf(task, periods.rest))]
  const pipeline = redis.pipeline()
  for (const { task, at } of slots) pipeline.set(keys.done(`sweep:${task}:${at}`), '1', 'PX', plannedMs, 'NX')
  const replies = await runPipeline(pipeline)
  const planned = slots.filter((_, index) => replies[index] === 'OK')
  await sweeps.sendAll(
    planned.map(({ task, at }) => ({ job: { task }, delaySeconds: Math.max(0, Math.round(at - nowSeconds)) })),
  )
  return planned.length
}
