import { expect, test } from '@jest/globals'
import { stack } from './running-stack.ts'
import './lost-pushes.ts'
import './presence.ts'
import './outages.ts'
import './replay.ts'

test('no function has crashed, timed out or outlived its handler through all of this', async () => {
  // The schedule's function throws while a store is down, so that Lambda tries it again.
  const retried = /SweepFunction host Invoke Error \S+ (Problem: store_unavailable|ServiceUnavailable)/
  // The only way in which an authorizer answers 401: once, for the ticket that Redis had forgotten.
  const refused = /AuthorizerFunction host Invoke Error \S+ Error: Unauthorized$/
  const complaints = (await stack.complaints()).filter(line => !retried.test(line))
  expect(complaints.filter(line => !refused.test(line))).toEqual([])
  expect(complaints.filter(line => refused.test(line))).toHaveLength(1)
})
