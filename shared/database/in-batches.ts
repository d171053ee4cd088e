import { setTimeout as delay } from 'node:timers/promises'

/**
 * After each batch a job rests so many times as long as the batch took, so that sends keep the server to themselves most of the
 * time: back to back, the p99 of sends was 2 to 5 times as high during a run (test/load/retention.ts).
 */
const restFactor = 4

export interface Amount {
  rows: number
  /** False when time ran out first. */
  finished: boolean
}

/** Does batch after batch, each a transaction of its own, until one is the last or `hasTime`, asked before each, says no. */
export const inBatches = async (
  hasTime: () => boolean,
  next: () => Promise<{ rows: number; isLast: boolean }>,
): Promise<Amount> => {
  let rows = 0
  while (hasTime()) {
    const startedAt = performance.now()
    const batch = await next()
    rows += batch.rows
    if (batch.isLast) return { rows, finished: true }
    await delay((performance.now() - startedAt) * restFactor)
  }
  return { rows, finished: false }
}
