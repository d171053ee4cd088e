import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi'
import { SignatureV4 } from '@smithy/signature-v4'
import { Sha256 } from './sha256.ts'

/** `POST` sends its body as one text message, `DELETE` closes the connection. */
export type ConnectionMethod = 'POST' | 'DELETE'

/**
 * The management API of a WebSocket API. Resolves to the status of the answer, whose body says nothing more; rejects when
 * there was none within a second.
 */
export type ConnectionsApi = (method: ConnectionMethod, connectionId: string, body?: Buffer) => Promise<number>

const timeoutMs = 1_000
const maxSockets = 100

interface Signed {
  method: string
  /** Names and values in turn: a sixth less work for Node than an object. */
  headers: string[]
  body: Buffer | undefined
}

/** Over connections that stay open from one push to the next. */
const createTransport = (endpoint: URL) => {
  const isEncrypted = endpoint.protocol === 'https:'
  const options = { keepAlive: true, maxSockets }
  const agent = isEncrypted ? new HttpsAgent(options) : new HttpAgent(options)
  const request = isEncrypted ? requestHttps : requestHttp

  const attempt = (path: string, { method, headers, body }: Signed, isSecond: boolean): Promise<number> =>
    new Promise((resolve, reject) => {
      const { hostname: host, port } = endpoint
      const sent = request(
        { agent, host, port, path, method, headers, timeout: timeoutMs },
        (answer: IncomingMessage) => {
          answer.resume()
          answer.on('end', () => resolve(answer.statusCode ?? 0))
          answer.on('error', reject)
        },
      )
      sent.on('timeout', () => sent.destroy(new Error(`No answer from @connections within ${timeoutMs} ms`)))
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The gateway closes what was idle for long, and does so unnoticed while the environment is frozen.
        const isStale = sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        if (isStale && !isSecond) resolve(attempt(path, { method, headers, body }, true))
        else reject(error)
      })
      sent.end(body)
    })
  return (path: string, signed: Signed) => attempt(path, signed, false)
}

/**
 * Signed by the SDK's own signer with the SDK's own credentials, which keeps the signing key for its day; sent without the
 * SDK's middleware, which costs more than all the rest of a push (docs/decisions/0020, 0021).
 *
 * @param endpoint as the SDK takes it: `https://{api}.execute-api.{region}.amazonaws.com/{stage}`.
 */
export const createConnectionsApi = (endpoint: string): ConnectionsApi => {
  const url = new URL(endpoint)
  const { config } = new ApiGatewayManagementApiClient({ endpoint })
  const signer = new SignatureV4({
    service: 'execute-api',
    region: config.region,
    credentials: config.credentials,
    sha256: Sha256,
  })
  const send = createTransport(url)
  const basePath = url.pathname.replace(/\/$/, '')
  const host = { protocol: url.protocol, hostname: url.hostname, ...(url.port && { port: Number(url.port) }) }
  return async (method, connectionId, body) => {
    const path = `${basePath}/@connections/${encodeURIComponent(connectionId)}`
    const headers = {
      host: url.host,
      ...(body && { 'content-type': 'application/octet-stream', 'content-length': String(body.length) }),
    }
    const signed = await signer.sign({ ...host, method, path, query: {}, headers, body })
    return send(path, { method, headers: Object.entries(signed.headers).flat(), body })
  }
}
