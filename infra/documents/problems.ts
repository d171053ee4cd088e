import { problem } from '../../shared/api/platform.ts'
import type { ProblemDocument } from '../../shared/platform/problem.schema.ts'
import { Problem, type ProblemCode, problemCatalogue, problemDocument } from '../../shared/platform/problems.ts'

export const problemCodes = Object.keys(problemCatalogue) as ProblemCode[]

/** What a client gets with this code. */
export const exampleProblem = (code: ProblemCode): ProblemDocument => {
  const { title, status } = problemCatalogue[code]
  if (code === problem.example.code) return problem.example
  const isWorthWaiting = status === 429 || status === 503
  return problemDocument(
    new Problem(code, `${title}.`, isWorthWaiting ? { retryAfterSeconds: 2 } : {}),
    problem.example.requestId,
  )
}

/** In words, for one code. */
export const explainProblem = (code: ProblemCode): string => `\`${code}\`: ${problemCatalogue[code].title}.`

/** Every code, as a table in Markdown. */
export const problemTable = [
  '| code | status | retry | title |',
  '| --- | --- | --- | --- |',
  ...problemCodes.map(code => {
    const { status, retryable, title } = problemCatalogue[code]
    return `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${title} |`
  }),
].join('\n')
