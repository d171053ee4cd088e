import * as z from 'zod'
import { type ProblemCode, problemCatalogue } from './problems.ts'

export const FieldError = z.object({ path: z.string(), message: z.string() })
export type FieldError = z.output<typeof FieldError>

/** What callers see (RFC 9457), over HTTP as the body and over the WebSocket inside an `error` event. */
export const ProblemDocument = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(problemCatalogue) as ProblemCode[]),
  requestId: z.string(),
  errors: z.array(FieldError).optional(),
  /** Where a retry makes sense after a while: the socket has no `Retry-After` header. */
  retryAfterSeconds: z.int().optional(),
})
export type ProblemDocument = z.output<typeof ProblemDocument>
