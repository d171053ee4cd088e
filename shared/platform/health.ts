import * as z from 'zod'
import { logger } from './logger.ts'

export const Alive = z.object({ status: z.literal('ok') })

const StoreState = z.enum(['up', 'down'])
type StoreState = z.output<typeof StoreState>

export const Health = z.object({ status: z.enum(['ready', 'unavailable']), stores: z.record(z.string(), StoreState) })
export type Health = z.output<typeof Health>

const checkTimeoutMs = 1_500

const stateOf = async (name: string, check: () => Promise<unknown>): Promise<StoreState> => {
  const timeout = AbortSignal.timeout(checkTimeoutMs)
  const late = new Promise<never>((_, reject) => timeout.addEventListener('abort', () => reject(timeout.reason)))
  try {
    await Promise.race([check(), late])
    return 'up'
  } catch (error) {
    logger.warn('A store is down', { store: name, error: error as Error })
    return 'down'
  }
}

/** Asks every store at the same time, each for a second and a half at most. Never rejects. */
export const checkHealth = async (checks: Record<string, () => Promise<unknown>>): Promise<Health> => {
  const states = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await stateOf(name, check)] as const),
  )
  const isReady = states.every(([, state]) => state === 'up')
  return { status: isReady ? 'ready' : 'unavailable', stores: Object.fromEntries(states) }
}
