import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { oneAtATime } from '../../shared/platform/one-at-a-time.ts'

test('work of one name runs in the order in which it came, one at a time, also after a failure', async () => {
  const inLine = oneAtATime()
  const log: string[] = []
  const work = (name: string, milliseconds: number) => async () => {
    log.push(`${name} begins`)
    await delay(milliseconds)
    log.push(`${name} ends`)
    if (name === 'second') throw new Error('second failed')
    return name
  }
  const results = await Promise.allSettled([
    inLine('shop', work('first', 20)),
    inLine('shop', work('second', 5)),
    inLine('shop', work('third', 1)),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(log).toEqual(['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends'])
})

test('work of different names runs at the same time', async () => {
  const inLine = oneAtATime()
  const both = Promise.withResolvers<void>()
  const first = inLine('one', () => both.promise)
  await inLine('other', async () => both.resolve())
  await first
})
