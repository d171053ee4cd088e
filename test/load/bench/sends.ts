import { atRate, conversationLoad, type Work } from './conversation-load.ts'
import { forPieces, forSeconds, type HowLong } from './how-long.ts'
import type { Scenario, WarmUp } from './target.ts'

const both = ['service', 'floor'] as const
const pairs = { rooms: 50, size: 2 }
const groups = { rooms: 12, size: 8 }
/**
 * Messages: what an idle machine of two cores does in half a minute; after three seconds a message still cost a quarter more than in the
 * end, because V8 compiles what is hot several times over. By number, because a busy machine compiles less in that time.
 */
const warmUpWith = { pairs: 30_000, groups: 2_000 }

/** Each room has one message on its way at any time. */
const oneEach =
  (howLong: HowLong): Work =>
  async (rooms, send) => {
    const goesOn = howLong()
    const room = async (index: number) => {
      while (goesOn()) await send(index, performance.now())
    }
    await Promise.all(Array.from({ length: rooms }, (_, index) => room(index)))
  }

export const warmUpPairs: WarmUp = target => conversationLoad(target, pairs, oneEach(forPieces(warmUpWith.pairs)))
const warmUpGroups: WarmUp = target => conversationLoad(target, groups, oneEach(forPieces(warmUpWith.groups)))

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
  ofPairs('closed loop', oneEach(forSeconds(seconds))),
  ...[100, 200, 500, 1_000].map(rate => ofPairs(`${rate}/s`, atRate(rate, seconds))),
  ofGroups('closed loop', oneEach(forSeconds(seconds))),
  ofGroups('50/s', atRate(50, seconds)),
]
