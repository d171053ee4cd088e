import { expect, test } from '@jest/globals'
import { createEmitter } from '../../shared/client/emitter.ts'

test('an event reaches every listener, also when one of them throws, whose error shows as an uncaught one', () => {
  const { on, emit } = createEmitter<{ number: number }>()
  const heard: number[] = []
  on('number', () => {
    throw new Error('mine')
  })
  on('number', number => heard.push(number))
  const { queueMicrotask } = globalThis
  const later: (() => void)[] = []
  globalThis.queueMicrotask = run => void later.push(run)
  emit('number', 1)
  globalThis.queueMicrotask = queueMicrotask
  expect(heard).toEqual([1])
  expect(later).toHaveLength(1)
  expect(later[0]).toThrow('mine')
})

test('a listener hears nothing any more once it has ended, also in the middle of an event', () => {
  const { on, emit } = createEmitter<{ number: number }>()
  const heard: string[] = []
  const stop = on('number', number => {
    heard.push(`a ${number}`)
    stop()
  })
  on('number', number => heard.push(`b ${number}`))
  emit('number', 1)
  emit('number', 2)
  expect(heard).toEqual(['a 1', 'b 1', 'b 2'])
})
