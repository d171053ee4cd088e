import type { Stack } from '../../support/stack.ts'

const timeoutMs = 30_000

/** Asks the HTTP API; throws for anything but success. */
export const askHttp = async <Body>(
  { outputs }: Pick<Stack, 'outputs'>,
  token: string,
  target: string,
  body?: object,
): Promise<Body> => {
  const [method = '', path = ''] = target.split(' ')
  const response = await fetch(outputs.HttpApiUrl + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${target} answered ${response.status}: ${text.slice(0, 300)}`)
  return (text ? JSON.parse(text) : undefined) as Body
}
