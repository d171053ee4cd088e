import type { ScheduleDefinition } from '../../topology.ts'
import type { InvocationResult } from '../functions/function-host.ts'

/** Where the scheduler gets the time from and how it waits. */
export interface SchedulerClock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls back once, after so many milliseconds; returns what cancels it. */
  after(ms: number, callback: () => void): () => void
}

export interface SchedulerFaults {
  /** Every firing from now on invokes its function twice, as EventBridge Scheduler may do. */
  deliverTwice: boolean
}

export interface Scheduler {
  readonly faults: SchedulerFaults
  /** Fires nothing more, and tries nothing again. */
  stop(): void
}

export interface SchedulerOptions {
  readonly schedules: Readonly<Record<string, ScheduleDefinition>>
  readonly invoke: (functionName: string, event: object) => Promise<InvocationResult>
  readonly log: (text: string) => void
  readonly clock?: SchedulerClock
  /** 0 up to 1. */
  readonly random?: () => number
}

const minuteMs = 60_000
const unitMs = { minute: minuteMs, hour: 60 * minuteMs, day: 24 * 60 * minuteMs }
/** A schedule without a start date starts right away. */
const firstFiringWithinMs = 5_000
/** Scheduler's precision: a firing comes somewhere in its minute. */
const precisionMs = minuteMs
/** Lambda's own, of asynchronous invocations: two more tries, after 1 and after 2 minutes. */
const retryDelaysMs = [minuteMs, 2 * minuteMs]
/** Timers of Node hold 24.8 days. */
const longestTimerMs = 24 * 60 * minuteMs

const systemClock: SchedulerClock = {
  now: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

/** `rate(5 minutes)` in milliseconds. */
export const periodOf = (expression: ScheduleDefinition['expression']): number => {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? []
  if (!(unit === 'minute' || unit === 'hour' || unit === 'day') || Number(count) < 1) {
    throw new Error(`Not a rate of EventBridge Scheduler: ${expression}`)
  }
  return Number(count) * unitMs[unit]
}

/**
 * Fires every schedule as EventBridge Scheduler does: the first time soon after the start, then in the minute that follows each
 * period. Functions are invoked asynchronously with `{}` (a run that outlasts its period overlaps with the next) and twice
 * more when they fail.
 */
export const startScheduler = (options: SchedulerOptions): Scheduler => {
  const { schedules, invoke, log, clock = systemClock, random = Math.random } = options
  const faults: SchedulerFaults = { deliverTwice: false }
  const waiting = new Set<() => void>()

  const at = (time: number, callback: () => void): void => {
    const left = Math.max(0, time - clock.now())
    const cancel = clock.after(Math.min(left, longestTimerMs), () => {
      waiting.delete(cancel)
      if (left > longestTimerMs) at(time, callback)
      else callback()
    })
    waiting.add(cancel)
  }

  const run = async (name: string, functionName: string, attempt: number): Promise<void> => {
    const result = await invoke(functionName, {})
    if (result.outcome === 'ok') return
    const delay = retryDelaysMs[attempt]
    const reason = `${result.errorType ?? result.outcome}: ${result.errorMessage ?? ''}`
    log(`${name} failed (${reason}), ${delay === undefined ? 'given up' : `again in ${delay / minuteMs} min`}`)
    if (delay !== undefined && !stopped) at(clock.now() + delay, () => start(name, functionName, attempt + 1))
  }
  const start = (name: string, functionName: string, attempt: number): void => {
    run(name, functionName, attempt).catch(error => log(`${name} could not be invoked: ${error}`))
  }

  let stopped = false
  const begin = clock.now()
  for (const [name, { function: functionName, expression }] of Object.entries(schedules)) {
    const period = periodOf(expression)
    const fire = (turn: number): void => {
      for (let copy = 0; copy < (faults.deliverTwice ? 2 : 1); copy += 1) start(name, functionName, 0)
      const next = turn + 1
      at(begin + next * period + random() * precisionMs, () => fire(next))
    }
    at(begin + random() * firstFiringWithinMs, () => fire(0))
  }
  return {
    faults,
    stop: () => {
      stopped = true
      for (const cancel of waiting) cancel()
      waiting.clear()
    },
  }
}
