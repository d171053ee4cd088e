import { describe, expect, test } from '@jest/globals'
import { stages } from '../../infra/aws/stages.ts'
import { billOf, dollarsOf, less, nothing, times, type Usage } from '../../infra/cost/bill.ts'
import { atHeartbeat } from '../../infra/cost/idle.ts'
import { standingCosts } from '../../infra/cost/standing.ts'

const costOf = (usage: Partial<Usage>): number => dollarsOf(billOf({ ...nothing, ...usage }))

describe('the bill', () => {
  test('of nothing is nothing', () => {
    expect(costOf({})).toBe(0)
  })

  test.each<[keyof Usage, number, number]>([
    ['webSocketMessages', 1e6, 1],
    ['connectionMinutes', 4e6, 1],
    ['httpRequests', 1e6, 1],
    ['invocations', 5e6, 1],
    ['gigabyteSeconds', 1e6, 13.3334],
    ['sqsRequests', 1e6, 0.4],
    ['cacheProcessingUnits', 1e9, 2.3],
    ['databaseWrites', 1e6, 0.2],
    ['storedGigabyteMonths', 10, 1],
    ['dynamoDbWrites', 1e6, 0.625],
    ['logBytes', 2e9, 1],
    ['bytesOut', 100e9, 9],
    ['bytesThroughNat', 100e9, 4.5],
    // One in twenty is traced.
    ['tracedInvocations', 1e6, 0.25],
    // An hour of a whole processor is four capacity units, of which six tenths are put to use.
    ['databaseSeconds', 3_600, (4 / 0.6) * 0.12],
    ['sqlStatements', 1e9, 0],
  ])('of %s: %d of them cost $%d', (name, amount, dollars) => {
    expect(costOf({ [name]: amount })).toBeCloseTo(dollars, 6)
  })

  test('is the sum of what is used of everything', () => {
    const all = times({ ...nothing, webSocketMessages: 6, invocations: 3, sqsRequests: 2 }, 1e6)
    expect(dollarsOf(billOf(all))).toBeCloseTo(6 + 0.6 + 0.8, 6)
  })
})

test('what one part used beyond another is never less than nothing', () => {
  const usage = less({ ...nothing, invocations: 5, httpRequests: 1 }, { ...nothing, invocations: 2, httpRequests: 3 })
  expect(usage).toEqual({ ...nothing, invocations: 3 })
})

test('idle users at another heartbeat use as many frames more or less, and as much of everything else', () => {
  const heartbeat = { ...nothing, webSocketMessages: 1, invocations: 1 }
  const ping = { ...nothing, webSocketMessages: 2, invocations: 1, tracedInvocations: 1 }
  // In 10 minutes 40 heartbeats and 20 pings, and something that follows from neither.
  const usage = { ...nothing, webSocketMessages: 80, invocations: 63, tracedInvocations: 23, connectionMinutes: 10 }
  const at = (seconds: number) => atHeartbeat({ usage, heartbeats: 40, pings: 20 }, { heartbeat, ping }, seconds)
  const rest = { ...nothing, tracedInvocations: 3, connectionMinutes: 10 }
  expect(at(15)).toEqual({ ...rest, webSocketMessages: 40, invocations: 43 })
  expect(at(60)).toEqual({ ...rest, webSocketMessages: 10, invocations: 13 })
})

test('a stage without reader and proxy stands for a fraction of one that has both', () => {
  const costs = (stage: 'dev' | 'prod') =>
    Object.fromEntries(standingCosts(stages[stage], 6).map(({ item, dollars }) => [item, dollars]))
  const [dev, prod] = [costs('dev'), costs('prod')]
  expect(dev['Aurora, at its least']).toBeCloseTo(0.5 * 730 * 0.12, 6)
  expect(prod['Aurora, at its least']).toBeCloseTo(2 * 730 * 0.12, 6)
  expect([dev['RDS Proxy'], prod['RDS Proxy']]).toEqual([0, expect.closeTo(87.6, 6)])
  expect([dev['NAT gateways'], prod['NAT gateways']]).toEqual([expect.closeTo(32.85, 6), expect.closeTo(65.7, 6)])
})
