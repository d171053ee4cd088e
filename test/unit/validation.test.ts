import { describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { Problem } from '../../shared/platform/problems.ts'
import { parseInput } from '../../shared/platform/validation.ts'

const Input = z.strictObject({
  name: z.string(),
  list: z.array(z.strictObject({ size: z.number() })).optional(),
})

const problemOf = (input: unknown, prefix?: string): Problem => {
  try {
    parseInput(Input, input, prefix)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('It was accepted')
}
const errorsOf = (input: unknown, prefix?: string) => problemOf(input, prefix).options.errors

describe('input', () => {
  test('that fits is what the schema makes of it', () => {
    expect(parseInput(Input, { name: 'a', list: [{ size: 1 }] })).toEqual({ name: 'a', list: [{ size: 1 }] })
  })

  test('that does not fit names every field that is wrong', () => {
    const problem = problemOf({ list: [{ size: 1 }, { size: 'large' }] })
    expect(problem.code).toBe('validation_failed')
    expect(problem.options.errors).toEqual([
      { path: 'name', message: expect.any(String) },
      { path: 'list.1.size', message: expect.any(String) },
    ])
    expect(problem.detail).toMatch(/^name: ./)
  })

  test('names each unknown field, so that a typo shows', () => {
    expect(errorsOf({ name: 'a', nmae: 'b', list: [{ size: 1, colour: 'red' }] })).toEqual([
      { path: 'list.0.colour', message: 'Unknown field' },
      { path: 'nmae', message: 'Unknown field' },
    ])
  })

  test('names fields below where it came from', () => {
    expect(errorsOf({ name: 'a', x: 1 }, 'data')).toEqual([{ path: 'data.x', message: 'Unknown field' }])
    expect(errorsOf(undefined, 'data')).toEqual([{ path: 'data', message: expect.any(String) }])
  })

  test('that is no object at all is said of the body', () => {
    expect(problemOf('text').detail).toMatch(/^The body: ./)
  })

  test('gets at most 20 errors, however many there are', () => {
    const unknown = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`field${index}`, 1]))
    expect(errorsOf({ name: 'a', ...unknown })).toHaveLength(20)
    expect(errorsOf({ name: 'a', list: Array(1_000).fill({}) })).toHaveLength(20)
  })
})
