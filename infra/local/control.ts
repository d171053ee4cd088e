import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { InvocationResult } from './functions/function-host.ts'

export interface ControlServer {
  readonly url: string
  /** Who has it may invoke. */
  readonly secret: string
  stop(): Promise<void>
}

/** Longer than a function may run. */
const invokeTimeoutMs = 16 * 60 * 1000

/** Takes orders of other processes on this machine, for whoever can read the stack's secret: to invoke a function. */
export const startControl = async (
  invoke: (functionName: string, event: unknown) => Promise<InvocationResult>,
): Promise<ControlServer> => {
  const secret = randomBytes(32).toString('base64url')
  const expected = Buffer.from(`Bearer ${secret}`)
  const server = createServer(async (incoming, response) => {
    const given = Buffer.from(incoming.headers.authorization ?? '')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      response.writeHead(401).end()
      return
    }
    const { functionName, event } = (await json(incoming)) as { functionName: string; event: unknown }
    const result = await invoke(functionName, event).catch(
      (error: Error): InvocationResult => ({
        outcome: 'error',
        errorType: error.name,
        errorMessage: error.message,
        durationMs: 0,
      }),
    )
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/invoke`,
    secret,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Runs one function in a running stack and waits for its end. */
export const invokeInStack = async (
  { url, secret }: { url: string; secret: string },
  functionName: string,
  event: unknown,
): Promise<InvocationResult> => {
  const outgoing = request(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    timeout: invokeTimeoutMs,
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error(`${functionName} gave no answer`)))
  outgoing.end(JSON.stringify({ functionName, event }))
  const [response] = await once(outgoing, 'response')
  return (await json(response)) as InvocationResult
}
