import { atRate, conversationLoad } from './conversation-load.ts'
import type { Scenario } from './target.ts'

const both = ['service', 'floor'] as const

/** Each room has one message on its way at any time. */
const closedLoop = (name: string, shape: { rooms: number; size: number }, seconds: number): Scenario => ({
  name,
  targets: both,
  run: target =>
    conversationLoad(target, shape, async (rooms, send) => {
      const end = performance.now() + seconds * 1_000
      const room = async (index: number) => {
        while (performance.now() < end) await send(index, performance.now())
      }
      await Promise.all(Array.from({ length: rooms }, (_, index) => room(index)))
    }),
})

const openLoop = (
  name: string,
  shape: { rooms: number; size: number },
  perSecond: number,
  seconds: number,
): Scenario => ({
  name,
  targets: both,
  run: target => conversationLoad(target, shape, atRate(perSecond, seconds)),
})

export const sendScenarios = (seconds: number): Scenario[] => [
  closedLoop('send, closed loop, 50 pairs', { rooms: 50, size: 2 }, seconds),
  ...[100, 200, 500, 1_000].map(rate => openLoop(`send, ${rate}/s, 50 pairs`, { rooms: 50, size: 2 }, rate, seconds)),
  closedLoop('group of 8, closed loop, 12 groups', { rooms: 12, size: 8 }, seconds),
  openLoop('group of 8, 50/s, 12 groups', { rooms: 12, size: 8 }, 50, seconds),
]
