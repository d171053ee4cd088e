import { expect } from '@jest/globals'
import { type ProblemCode, problemCatalogue } from '../../shared/platform/problems.ts'
import type { WireAnswer } from '../support/wire-client.ts'

/** All fields of a problem document, for this code. */
export const problemOf = (code: ProblemCode) => ({
  type: `urn:kaha-chat:problem:${code}`,
  title: problemCatalogue[code].title,
  status: problemCatalogue[code].status,
  detail: expect.stringMatching(/./),
  code,
  requestId: expect.stringMatching(/./),
  ...(code === 'validation_failed' && {
    errors: expect.arrayContaining([{ path: expect.any(String), message: expect.stringMatching(/./) }]),
  }),
})

/** That an answer is the problem document of this code, with the headers that belong to it. */
export const expectProblem = (answer: WireAnswer, code: ProblemCode): void => {
  expect(answer.body).toEqual(problemOf(code))
  expect(answer.status).toBe(problemCatalogue[code].status)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(answer.headers.has('www-authenticate')).toBe(answer.status === 401)
  expect(answer.headers.has('allow')).toBe(answer.status === 405)
}
