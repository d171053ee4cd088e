import type * as z from 'zod'
import type { FieldError } from './problem.schema.ts'
import { Problem } from './problems.ts'

/** As many faults as a person can use; a body can hold thousands. */
const maxFieldErrors = 20

const fieldErrors = (error: z.ZodError, prefix: string): FieldError[] =>
  error.issues.flatMap(issue =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map(key => ({
          path: [prefix, ...issue.path, key].filter(String).join('.'),
          message: 'Unknown field',
        }))
      : [{ path: [prefix, ...issue.path].filter(String).join('.'), message: issue.message }],
  )

/** Input as the schema describes it; throws `validation_failed`, which names every field that is wrong. */
export const parseInput = <Schema extends z.ZodType>(schema: Schema, input: unknown, prefix = ''): z.output<Schema> => {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const errors = fieldErrors(result.error, prefix).slice(0, maxFieldErrors)
  const [first] = errors
  throw new Problem('validation_failed', first ? `${first.path || 'The body'}: ${first.message}` : 'Invalid input', {
    errors,
  })
}
