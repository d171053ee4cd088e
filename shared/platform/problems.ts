import type { FieldError, ProblemDocument } from './problem.schema.ts'

/**
 * The one catalogue of what can go wrong for a caller. `code` is stable and part of the contract; `docs/problems.md` explains
 * each, and a test keeps the two equal. `retryable`: the same request may succeed later.
 */
export const problemCatalogue = {
  invalid_json: { status: 400, title: 'The body is not valid JSON', retryable: false },
  validation_failed: { status: 400, title: 'The request is not valid', retryable: false },
  invalid_cursor: { status: 400, title: 'The cursor is not valid here', retryable: false },
  sync_token_expired: { status: 400, title: 'The sync token is too old', retryable: false },
  message_id_expired: { status: 400, title: 'The message id is too old', retryable: false },
  unknown_action: { status: 400, title: 'There is no such action', retryable: false },
  unauthorized: { status: 401, title: 'A valid token is needed', retryable: false },
  token_expired: { status: 401, title: 'The token has expired', retryable: false },
  forbidden: { status: 403, title: 'Not allowed', retryable: false },
  not_found: { status: 404, title: 'Not found', retryable: false },
  method_not_allowed: { status: 405, title: 'The path does not have this method', retryable: false },
  direct_conversation: {
    status: 409,
    title: 'A direct conversation always has its two participants',
    retryable: false,
  },
  business_conversation: {
    status: 409,
    title: 'A business conversation does not change this way',
    retryable: false,
  },
  another_open: { status: 409, title: 'There is a newer open conversation with this business', retryable: false },
  conversation_closed: { status: 409, title: 'The conversation is closed', retryable: false },
  already_assigned: { status: 409, title: 'The conversation has an agent', retryable: false },
  agent_not_available: { status: 409, title: 'The agent can not take a conversation now', retryable: true },
  already_participant: { status: 409, title: 'The user is a participant already', retryable: false },
  group_full: { status: 409, title: 'The group is full', retryable: false },
  last_admin: { status: 409, title: 'A group needs an admin', retryable: false },
  conversation_id_taken: { status: 409, title: 'The conversation id is in use', retryable: false },
  message_id_taken: { status: 409, title: 'The message id is in use', retryable: false },
  sync_in_progress: { status: 409, title: 'A sync is running', retryable: true },
  payload_too_large: { status: 413, title: 'The body is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body is not application/json', retryable: false },
  rate_limited: { status: 429, title: 'Too many requests', retryable: true },
  internal_error: { status: 500, title: 'Internal error', retryable: true },
  store_unavailable: { status: 503, title: 'A store is not available', retryable: true },
  timeout: { status: 503, title: 'The request took too long', retryable: true },
} as const satisfies Record<string, { status: number; title: string; retryable: boolean }>

export type ProblemCode = keyof typeof problemCatalogue

export interface ProblemOptions {
  /** For `validation_failed`: each field that is wrong. */
  errors?: FieldError[]
  /** For 429 and 503: seconds, 1 or more. */
  retryAfterSeconds?: number
  /** Somebody asked for what is not theirs: the answer is no more than the code says, but it is put on record. */
  isRefusal?: boolean
  /** On a socket: it is closed when this has been told. */
  endsSocket?: boolean
  /** For 405: the methods that the path has. */
  allow?: string[]
  cause?: unknown
}

/** What is thrown to answer the caller with an entry of the catalogue. `detail` is shown, so it holds nothing internal. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly detail: string
  readonly options: ProblemOptions

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(`${code}: ${detail}`, { cause: options.cause })
    this.code = code
    this.detail = detail
    this.options = options
  }

  get status(): number {
    return problemCatalogue[this.code].status
  }

  /** Somebody asked for what is not theirs. */
  get isRefusal(): boolean {
    return this.code === 'forbidden' || this.options.isRefusal === true
  }

  get retryable(): boolean {
    return problemCatalogue[this.code].retryable
  }
}

export const problemDocument = (problem: Problem, requestId: string): ProblemDocument => ({
  type: `urn:kaha-chat:problem:${problem.code}`,
  title: problemCatalogue[problem.code].title,
  status: problem.status,
  detail: problem.detail,
  code: problem.code,
  requestId,
  ...(problem.options.errors && { errors: problem.options.errors }),
  ...(problem.options.retryAfterSeconds !== undefined && { retryAfterSeconds: problem.options.retryAfterSeconds }),
})

/** An error as a problem: what is not one already is an internal error, and says nothing of itself. */
export const asProblem = (error: unknown): Problem =>
  error instanceof Problem
    ? error
    : new Problem(
        'internal_error',
        'Something went wrong on our side. Try again; if it stays, tell us the requestId.',
        {
          cause: error,
        },
      )

/**
 * The one answer for a conversation that does not exist, that the caller is not in, or has left: told apart, ids could be
 * probed.
 */
export const conversationNotFound = (): Problem =>
  new Problem('not_found', 'There is no such conversation.', { isRefusal: true })
