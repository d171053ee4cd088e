import { expect, test } from '@jest/globals'
import { growthBetween } from '../load/day/growth.ts'
import type { Remainder } from '../load/day/remainder.ts'

const beginning: Remainder = {
  sockets: 0,
  registered: 0,
  endless: 0,
  redisMb: 4,
  redisClients: 12,
  postgresBackends: 2,
  hostMb: 800,
  heapMb: 300,
}

test('a day that ends where it began, or a little above, is right', () => {
  expect(growthBetween(beginning, beginning, false)).toEqual([])
  const end = { redisMb: 9, redisClients: 16, postgresBackends: 6, hostMb: 1_190, heapMb: 360 }
  expect(growthBetween(beginning, { ...beginning, ...end }, false)).toEqual([])
})

test.each<[string, Partial<Remainder>, string]>([
  ['a socket', { sockets: 1 }, '1 sockets are still open'],
  ['a registered user', { registered: 2 }, 'Redis still knows connections of 2 users'],
  ['a key without an end', { endless: 3 }, '3 keys of Redis have no end'],
  ['what is alive in the host', { heapMb: 365 }, 'MB in the heaps of the host: 300 before, 365 after, 364 at most'],
  ['resident memory', { hostMb: 1_300 }, 'MB of resident memory of the host: 800 before, 1300 after, 1200 at most'],
  ['what Redis holds', { redisMb: 13 }, 'MB in Redis: 4 before, 13 after, 12 at most'],
  ['clients of Redis', { redisClients: 17 }, 'clients of Redis: 12 before, 17 after, 16 at most'],
  ['backends of Postgres', { postgresBackends: 7 }, 'backends of Postgres: 2 before, 7 after, 6 at most'],
  ['something unknown', { heapMb: Number.NaN }, 'MB in the heaps of the host: 300 before, NaN after, 364 at most'],
])('%s that is left is complained about', (_what, left, complaint) => {
  expect(growthBetween(beginning, { ...beginning, ...left }, false)).toEqual([complaint])
})

test('errors of outages may have taken some more of the heap', () => {
  expect(growthBetween(beginning, { ...beginning, heapMb: 604 }, true)).toEqual([])
  expect(growthBetween(beginning, { ...beginning, heapMb: 605 }, true)).toHaveLength(1)
})
