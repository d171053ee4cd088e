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

/** In one of these many ticks all of the last minutes is looked at, for messages that no tick has seen when they were due. */
const ticksOfWholeLook = 4

/**
 * One after another within their period, so that they don't all take the stores at once: `unmarked` reads what `positions` has brought
 * to Postgres, `pending` what `unmarked` has marked.
 */
const restTasks: readonly SweepTask[] = ['positions', 'unmarked', 'pending', 'connections', 'business']

/**
 * Queues the ticks of the next two minutes, each with its delay, and none that was queued before: so it can be called as often
 * as one likes. Returns how many it queued. Two calls at the same time may queue a tick twice, as may one that is repeated
 * because it failed half way; the sweep is safe to run twice, whereas a tick that is noted but not queued would never come.
 */
export const planSweep = async (
  { redis, sweeps }: { redis: Cluster; sweeps: SweepQueue },
  now: Date,
  periods: SweepPeriods,
): Promise<number> => {
  const nowSeconds = now.getTime() / 1000
  const slotsOf = (task: SweepTask, period: number, offset: number) => {
    const first = Math.ceil((nowSeconds - offset) / period)
    const count = Math.ceil(aheadSeconds / period)
    return Array.from({ length: count }, (_, index) => ({
      task,
      tick: first + index,
      at: (first + index) * period + offset,
    }))
  }
  const slots = [
    ...slotsOf('presence', periods.presence, 0),
    ...restTasks.flatMap((task, index) =>
      slotsOf(task, periods.rest, Math.floor((index * periods.rest) / restTasks.length)),
    ),
  ]
  const keyOf = ({ task, at }: (typeof slots)[number]) => keys.done(`sweep:${task}:${at}`)
  const known = redis.pipeline()
  for (const slot of slots) known.exists(keyOf(slot))
  const replies = await runPipeline(known)
  const missing = slots.filter((_, index) => replies[index] === 0)
  const isRecent = ({ task, tick }: (typeof slots)[number]) => task === 'unmarked' && tick % ticksOfWholeLook > 0
  await sweeps.sendAll(
    missing.map(slot => ({
      job: { task: slot.task, ...(isRecent(slot) && { isRecent: true }) },
      delaySeconds: Math.max(0, Math.round(slot.at - nowSeconds)),
    })),
  )
  const notes = redis.pipeline()
  for (const slot of missing) notes.set(keyOf(slot), '1', 'PX', plannedMs)
  await runPipeline(notes)
  return missing.length
}
