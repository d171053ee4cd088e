import { expect, test } from '@jest/globals'
import { stack } from './running-stack.ts'
import './lost-pushes.ts'
import './presence.ts'
import './outages.ts'
import './replay.ts'

test('no function has crashed, timed out or outlived its handler through all of this', async () => {
  // The schedule's function throws while a store is down, so that Lambda tries it again.
  const expected = /SweepFunction host Invoke Error \S+ (Problem: store_unavailable|ServiceUnavailable)/
  expect((await stack.complaints()).filter(line => !expected.test(line))).toEqual([])
})
