import { readFile } from 'node:fs/promises'
import { describe, expect, test } from '@jest/globals'
import {
  asProblem,
  conversationNotFound,
  Problem,
  type ProblemCode,
  problemCatalogue,
  problemDocument,
} from '../../shared/platform/problems.ts'

const codes = Object.keys(problemCatalogue) as ProblemCode[]

interface DocumentedCode {
  code: string
  status: number
  retryable: boolean
  explanation: string[]
}

/** The rows of the table in `docs/problems.md`. */
const documentedCodes = async (): Promise<DocumentedCode[]> => {
  const page = await readFile(new URL('../../docs/problems.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter(line => line.startsWith('| `'))
  return rows.map(row => {
    const [code = '', status, retry, ...explanation] = row
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim())
    return { code: code.replaceAll('`', ''), status: Number(status), retryable: retry === 'yes', explanation }
  })
}

describe('the catalogue of problems', () => {
  test('is what docs/problems.md explains, code by code and in its order', async () => {
    const documented = await documentedCodes()
    expect(documented.map(({ code }) => code)).toEqual(codes)
    for (const { code, status, retryable, explanation } of documented) {
      const entry = problemCatalogue[code as ProblemCode]
      expect([code, status, retryable]).toEqual([code, entry.status, entry.retryable])
      expect([code, explanation]).toEqual([
        code,
        [expect.stringMatching(/^[A-Z].+\.$/), expect.stringMatching(/^[A-Z].+\.$/)],
      ])
    }
  })

  test.each(codes)('%s has a status of the contract, a stable code and a title', code => {
    const { status, title } = problemCatalogue[code]
    expect([400, 401, 403, 404, 405, 409, 413, 415, 429, 500, 503]).toContain(status)
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
    expect(title).toMatch(/^[A-Z].*[^.]$/)
  })

  test('calls every problem retryable that passes, and none that the same request meets again', () => {
    for (const code of codes) {
      const { status, retryable } = problemCatalogue[code]
      if (status === 429 || status >= 500) expect([code, retryable]).toEqual([code, true])
      if (status !== 409 && status < 429) expect([code, retryable]).toEqual([code, false])
    }
  })
})

describe('a problem document', () => {
  test('has all that RFC 9457 and the contract name', () => {
    const errors = [{ path: 'content', message: 'There is no text' }]
    expect(problemDocument(new Problem('validation_failed', 'content: There is no text', { errors }), 'r-1')).toEqual({
      type: 'urn:kaha-chat:problem:validation_failed',
      title: 'The request is not valid',
      status: 400,
      detail: 'content: There is no text',
      code: 'validation_failed',
      requestId: 'r-1',
      errors,
    })
  })

  test('has errors only where fields are wrong, and a time only where it is known', () => {
    expect(Object.keys(problemDocument(conversationNotFound(), 'r-1')).sort()).toEqual([
      'code',
      'detail',
      'requestId',
      'status',
      'title',
      'type',
    ])
    const busy = new Problem('store_unavailable', 'Redis is not available.', { retryAfterSeconds: 2 })
    expect(problemDocument(busy, 'r-1')).toMatchObject({ status: 503, retryAfterSeconds: 2 })
  })

  test.each([
    ['an error', new Error('password=hunter2 at 10.0.0.7')],
    ['an error with a status of its own', Object.assign(new Error('hunter2'), { status: 404, code: 'not_found' })],
    ['a text', 'hunter2'],
    ['nothing', undefined],
  ])('of what was not foreseen shows nothing of it: %s', (_, thrown) => {
    const problem = asProblem(thrown)
    const document = problemDocument(problem, 'r-1')
    expect(document).toMatchObject({ status: 500, code: 'internal_error' })
    expect(JSON.stringify(document)).not.toMatch(/hunter2|password|10\.0\.0\.7/)
    expect(problem.cause).toBe(thrown)
  })

  test('of a 5xx that we throw ourselves does not show its cause', () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.7:5432')
    const problem = new Problem('store_unavailable', 'The database is not available.', { retryAfterSeconds: 2, cause })
    expect(JSON.stringify(problemDocument(problem, 'r-1'))).not.toContain('10.0.0.7')
    expect(asProblem(problem)).toBe(problem)
  })
})
