import { atRate, conversationLoad, type Work } from './conversation-load.ts'
import type { Scenario, WarmUp } from './target.ts'
import { warmUpSeconds } from './warm-up.ts'

const both = ['service', 'floor'] as const
const pairs = { rooms: 50, size: 2 }
const groups = { rooms: 12, size: 8 }

/** Each room has one message on its way at any time. */
const oneEach =
  (seconds: number): Work =>
  async (rooms, send) => {
    const end = performance.now() + seconds * 1_000
    const room = async (index: number) => {
      while (performance.now() < end) await send(index, performance.now())
    }
    await Promise.all(Array.from({ length: rooms }, (_, index) => room(index)))
  }

export const warmUpPairs: WarmUp = target => conversationLoad(target, pairs, oneEach(warmUpSeconds))
const warmUpGroups: WarmUp = target => conversationLoad(target, groups, oneEach(warmUpSeconds))

const ofPairs = (name: string, work: Work): Scenario => ({
  name: `send, ${name}, 50 pairs`,
  targets: both,
  warmUp: warmUpPairs,
  run: target => conversationLoad(target, pairs, work),
})

const ofGroups = (name: string, work: Work): Scenario => ({
  name: `group of 8, ${name}, 12 groups`,
  targets: both,
  warmUp: warmUpGroups,
  run: target => conversationLoad(target, groups, work),
})

export const sendScenarios = (seconds: number): Scenario[] => [
  ofPairs('closed loop', oneEach(seconds)),
  ...[100, 200, 500, 1_000].map(rate => ofPairs(`${rate}/s`, atRate(rate, seconds))),
  ofGroups('closed loop', oneEach(seconds)),
  ofGroups('50/s', atRate(50, seconds)),
]
