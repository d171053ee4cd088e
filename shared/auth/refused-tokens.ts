import type { Audit } from '../audit/audit.ts'
import type { Limits } from '../limits/limits.ts'
import { Problem } from '../platform/problems.ts'

export interface RefusedTokenDeps {
  limits: Limits
  audit: Audit
}

/** Where a token was presented. */
export interface Presented {
  /** Where it came from, by the gateway's word. */
  address: string
  route: string
  requestId: string
}

/**
 * What the bearer of a refused token is answered with: the refusal, which is put on record without the token, or
 * `rate_limited` when the address has had too many refused within a minute. One that was valid once is told so all the same: its
 * bearer gets another, and many may share an address. Only who is refused pays for it, by a Redis round trip and a request to SQS:
 * a valid token from the same address is never looked up here.
 */
export const answerToRefused = async (
  { limits, audit }: RefusedTokenDeps,
  refusal: Problem,
  presented: Presented,
): Promise<Problem> => {
  const retryAfterSeconds = await limits.countAuthFailure(presented.address)
  if (retryAfterSeconds > 0) {
    if (refusal.code === 'token_expired') return refusal
    return new Problem('rate_limited', 'Too many tokens from this address were refused.', { retryAfterSeconds })
  }
  await audit.record({ action: 'token.refused', outcome: 'refused', reason: refusal.code, ...presented })
  return refusal
}
