import { request } from '../../support/wire-client.ts'

/** What a request is answered with that has to succeed for an attack to mean anything. */
export const succeed = async <Body = Record<string, unknown>>(
  target: string,
  token: string,
  body?: object,
): Promise<Body> => {
  const answer = await request<Body>(target, { token, ...(body && { body }) })
  if (answer.status >= 300) throw new Error(`${target}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}
