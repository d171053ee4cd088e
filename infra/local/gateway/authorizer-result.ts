/**
 * What a WebSocket API makes of an authorizer's result: the fields for `requestContext.authorizer` (context values turned to
 * strings), a refusal, or `malformed`, which is a 500. It has to be an IAM policy: `{ principalId, policyDocument, context? }`
 * of at most 8 KB; `context` is flat.
 */
export const readAuthorizerResult = (
  payload: unknown,
  methodArn: string,
): { allowed: Record<string, string> } | 'denied' | 'malformed' => {
  if (!isRecord(payload) || typeof payload.principalId !== 'string') return 'malformed'
  if (Buffer.byteLength(JSON.stringify(payload)) > resultLimit) return 'malformed'
  const { principalId, policyDocument, context = {} } = payload
  const statements = isRecord(policyDocument) ? listOf(policyDocument.Statement) : []
  if (statements.length === 0 || !statements.every(isRecord) || !isRecord(context)) return 'malformed'
  const allowed: Record<string, string> = { principalId }
  for (const [name, value] of Object.entries(context)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return 'malformed'
    allowed[name] = String(value)
  }
  const matching = statements.filter(
    statement => covers(statement.Action, 'execute-api:Invoke') && covers(statement.Resource, methodArn),
  )
  const denies = matching.some(statement => statement.Effect === 'Deny')
  return !denies && matching.some(statement => statement.Effect === 'Allow') ? { allowed } : 'denied'
}

const resultLimit = 8 * 1024

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value])

/** IAM's patterns: `*` for any run of characters, `?` for one. */
const covers = (patterns: unknown, text: string): boolean =>
  listOf(patterns).some(pattern => {
    if (typeof pattern !== 'string') return false
    if (pattern === '*' || pattern === text) return true
    const escaped = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')
    return new RegExp(`^${escaped}$`).test(text)
  })
