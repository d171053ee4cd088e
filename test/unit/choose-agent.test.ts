import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Candidate, canTakeOne, chooseAgent } from '../../shared/business/choose-agent.ts'

const candidate = (agentId: string, more: Partial<Candidate> = {}): Candidate => ({
  agentId,
  isAvailable: true,
  isOnline: true,
  load: 0,
  maxConcurrentChats: 5,
  skills: [],
  lastAssignment: 0,
  ...more,
})
const chosen = (candidates: Candidate[], strategy: 'round_robin' | 'least_busy', category: string | null = null) =>
  chooseAgent(candidates, { strategy, category })?.agentId

const anyCandidate = fc.record({
  agentId: fc.uuid(),
  isAvailable: fc.boolean(),
  isOnline: fc.boolean(),
  load: fc.nat({ max: 6 }),
  maxConcurrentChats: fc.integer({ min: 1, max: 6 }),
  skills: fc.subarray(['billing', 'delivery']),
  lastAssignment: fc.nat({ max: 20 }),
})
const candidates = fc.uniqueArray(anyCandidate, { selector: ({ agentId }) => agentId, maxLength: 8 })
const strategies = fc.constantFrom('round_robin' as const, 'least_busy' as const)

describe('who gets a conversation', () => {
  test('is nobody when nobody can take one', () => {
    const unable = [
      candidate('a', { isAvailable: false }),
      candidate('b', { isOnline: false }),
      candidate('c', { load: 5 }),
      candidate('d', { load: 6, maxConcurrentChats: 3 }),
    ]
    expect(chosen(unable, 'round_robin')).toBeUndefined()
    expect(chosen(unable, 'least_busy')).toBeUndefined()
    expect(chosen([], 'round_robin')).toBeUndefined()
  })

  test('is in turn whoever has been longest without a new one, however many they have', () => {
    const agents = [candidate('a', { lastAssignment: 3 }), candidate('b', { lastAssignment: 1, load: 4 })]
    expect(chosen(agents, 'round_robin')).toBe('b')
  })

  test('is by load whoever has the fewest, and of equals the longest without a new one', () => {
    const agents = [
      candidate('a', { load: 1, lastAssignment: 1 }),
      candidate('b', { load: 0, lastAssignment: 9 }),
      candidate('c', { load: 0, lastAssignment: 8 }),
    ]
    expect(chosen(agents, 'least_busy')).toBe('c')
  })

  test('is somebody with the skill first, whatever the case of the word, and anybody else before nobody', () => {
    const agents = [candidate('a'), candidate('b', { skills: ['Billing'], load: 4, lastAssignment: 9 })]
    expect(chosen(agents, 'least_busy', 'billing')).toBe('b')
    expect(chosen(agents, 'least_busy', 'delivery')).toBe('a')
    expect(chosen(agents, 'least_busy')).toBe('a')
  })

  test('can always take one, is skilled if anybody able is, and is the same in any order', () => {
    fc.assert(
      fc.property(candidates, strategies, fc.constantFrom('billing', null), (all, strategy, category) => {
        const result = chooseAgent(all, { strategy, category })
        const able = all.filter(canTakeOne)
        if (!result) return expect(able).toEqual([])
        expect(able).toContain(result)
        const isSkilled = (each: Candidate) => category !== null && each.skills.includes(category)
        expect(isSkilled(result)).toBe(able.some(isSkilled))
        const rivals = able.filter(each => isSkilled(each) === isSkilled(result))
        const key = (each: Candidate) => (strategy === 'least_busy' ? each.load : each.lastAssignment)
        expect(key(result)).toBe(Math.min(...rivals.map(key)))
        expect(chooseAgent(all.toReversed(), { strategy, category })).toBe(result)
      }),
    )
  })
})
