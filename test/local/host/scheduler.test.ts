import { beforeEach, describe, expect, test } from '@jest/globals'
import type { InvocationResult } from '../../../infra/local/functions/function-host.ts'
import { periodOf, type SchedulerClock, startScheduler } from '../../../infra/local/schedules/scheduler.ts'
import type { ScheduleDefinition } from '../../../infra/topology.ts'

const ok: InvocationResult = { outcome: 'ok', durationMs: 1 }
const failed: InvocationResult = { outcome: 'error', errorType: 'Error', errorMessage: 'x', durationMs: 1 }
const minute = 60_000

/** A clock that stands still until it is told to go on. */
const manualClock = () => {
  let now = 0
  const timers = new Set<{ at: number; callback: () => void }>()
  const clock: SchedulerClock = {
    now: () => now,
    after: (ms, callback) => {
      const timer = { at: now + ms, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
  }
  const pass = async (ms: number): Promise<void> => {
    const end = now + ms
    for (;;) {
      const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (!next) break
      now = next.at
      timers.delete(next)
      next.callback()
      await new Promise(setImmediate)
    }
    now = end
  }
  return { clock, pass, pending: () => timers.size }
}

describe('The scheduler of the local host', () => {
  let fired: { functionName: string; event: object; at: number }[]
  let log: string[]
  beforeEach(() => {
    fired = []
    log = []
  })

  const start = (
    expression: ScheduleDefinition['expression'],
    answer: () => InvocationResult | Promise<InvocationResult> = () => ok,
    random: () => number = () => 0.5,
  ) => {
    const time = manualClock()
    const scheduler = startScheduler({
      schedules: { Sweep: { function: 'SweepFunction', expression } },
      invoke: async (functionName, event) => {
        fired.push({ functionName, event, at: time.clock.now() })
        return answer()
      },
      log: text => log.push(text),
      clock: time.clock,
      random,
    })
    return { ...time, scheduler }
  }

  test('fires soon after the start, with an empty event', async () => {
    const { pass } = start('rate(1 day)')
    await pass(5_000)
    expect(fired).toEqual([{ functionName: 'SweepFunction', event: {}, at: 2_500 }])
  })

  test('fires once in the minute after each period, wherever in it', async () => {
    const draws = [0, 0.99, 0, 0.5, 0.2]
    const { pass } = start('rate(5 minutes)', undefined, () => draws.shift() ?? 0)
    await pass(21 * minute)
    expect(fired.map(({ at }) => at / minute)).toEqual([0, 5.99, 10, 15.5, 20.2])
  })

  test('does not wait for a run that outlasts its period', async () => {
    const { pass } = start('rate(1 minute)', () => new Promise(() => {}))
    await pass(3 * minute)
    expect(fired).toHaveLength(3)
  })

  test('tries a failed run twice more, after one and after two minutes', async () => {
    const { pass } = start('rate(1 day)', () => failed)
    await pass(60 * minute)
    expect(fired.map(({ at }) => at)).toEqual([2_500, 2_500 + minute, 2_500 + 3 * minute])
    expect(log).toEqual([
      'Sweep failed (Error: x), again in 1 min',
      'Sweep failed (Error: x), again in 2 min',
      'Sweep failed (Error: x), given up',
    ])
  })

  test('does not try again what succeeds at last', async () => {
    const answers = [failed, ok]
    const { pass } = start('rate(1 day)', () => answers.shift() ?? ok)
    await pass(60 * minute)
    expect(fired).toHaveLength(2)
  })

  test('fires twice, as a fault', async () => {
    const { pass, scheduler } = start('rate(1 day)')
    scheduler.faults.deliverTwice = true
    await pass(minute)
    expect(fired).toHaveLength(2)
  })

  test('waits for longer than a timer of Node can', async () => {
    const { pass } = start('rate(60 days)', undefined, () => 0)
    await pass(60 * 24 * 60 * minute)
    expect(fired).toHaveLength(2)
  })

  test('fires nothing and tries nothing again once it is stopped', async () => {
    const { pass, scheduler, pending } = start('rate(1 minute)', () => failed)
    await pass(5_000)
    scheduler.stop()
    expect(pending()).toBe(0)
    await pass(60 * minute)
    expect(fired).toHaveLength(1)
  })

  test('refuses what is no rate', () => {
    expect(periodOf('rate(90 minutes)')).toBe(90 * minute)
    expect(periodOf('rate(1 hour)')).toBe(60 * minute)
    expect(() => periodOf('rate(0 minutes)')).toThrow('Not a rate')
    expect(() => periodOf('cron(0 * * * ? *)' as never)).toThrow('Not a rate')
  })
})
