import type { FieldError, ProblemCode, ProblemDocument } from './service.ts'

/** A code of the service; a newer one than this client knows; or `unreachable`: nobody answered, so nobody knows what was done. */
export type ChatProblemCode = ProblemCode | 'unreachable' | (string & {})

/** What every call of the client rejects with. */
export class ChatProblem extends Error {
  override readonly name = 'ChatProblem'
  readonly code: ChatProblemCode
  /** HTTP's; 0 for `unreachable`. */
  readonly status: number
  readonly detail: string
  readonly errors: readonly FieldError[]
  /** When to try again, where the service has said so. */
  readonly retryAfterSeconds: number | undefined
  /** By this the request is found in the service's logs. */
  readonly requestId: string | undefined

  constructor({ code, status, detail, errors = [], retryAfterSeconds, requestId }: ChatProblemOptions) {
    super(`${code}: ${detail}`)
    this.code = code
    this.status = status
    this.detail = detail
    this.errors = errors
    this.retryAfterSeconds = retryAfterSeconds
    this.requestId = requestId
  }

  /** The same request may succeed later. */
  get isRetryable(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500 || this.code === 'sync_in_progress'
  }
}

type ChatProblemOptions = Pick<ChatProblem, 'code' | 'status' | 'detail'> &
  Partial<Pick<ProblemDocument, 'errors' | 'requestId'>> & { retryAfterSeconds?: number | undefined }

export const unreachable = (detail: string): ChatProblem => new ChatProblem({ code: 'unreachable', status: 0, detail })

/** Whatever was thrown as a problem. */
export const asChatProblem = (error: unknown): ChatProblem =>
  error instanceof ChatProblem ? error : unreachable(error instanceof Error ? error.message : String(error))
