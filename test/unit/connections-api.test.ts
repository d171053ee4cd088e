import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ApiGatewayManagementApiClient, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { DateTime } from 'luxon'
import { type ConnectionsApi, createConnectionsApi } from '../../shared/delivery/connections-api.ts'

interface Received {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
  socket: Socket
}

const received: Received[] = []
/** What happens to the next requests instead of the answer 200. */
let faults: ((socket: Socket) => void)[] = []
let status = 200
let server: Server
let endpoint: string
let callGateway: ConnectionsApi

beforeEach(async () => {
  Object.assign(process.env, { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' })
  received.length = 0
  faults = []
  status = 200
  server = createServer(async (request, response) => {
    const { method = '', url: path = '', headers, socket } = request
    let body = ''
    for await (const chunk of request) body += chunk
    received.push({ method, path, headers, body, socket })
    const fault = faults.shift()
    if (fault) fault(socket)
    else response.writeHead(status, { 'content-length': 0 }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prod`
  callGateway = createConnectionsApi(endpoint)
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const scopeOf = ({ authorization = '' }: IncomingHttpHeaders) =>
  /Credential=AKID\/(?<scope>[^,]+)/.exec(authorization)?.groups?.scope

describe('the management API', () => {
  test('is asked as the SDK asks it: the same path and scope of the signature', async () => {
    await callGateway('POST', 'a+/bCdE=', Buffer.from('{"x":1}'))
    const sdk = new ApiGatewayManagementApiClient({ endpoint })
    await sdk.send(new PostToConnectionCommand({ ConnectionId: 'a+/bCdE=', Data: Buffer.from('{"x":1}') }))
    const [ours, theirs] = received
    expect(ours).toMatchObject({ method: 'POST', path: '/prod/@connections/a%2B%2FbCdE%3D', body: '{"x":1}' })
    for (const field of ['method', 'path', 'body'] as const) expect(ours?.[field]).toBe(theirs?.[field])
    expect(scopeOf(ours?.headers ?? {})).toMatch(/^\d{8}\/eu-central-1\/execute-api\/aws4_request$/)
    expect(scopeOf(ours?.headers ?? {})).toBe(scopeOf(theirs?.headers ?? {}))
    expect(ours?.headers['content-type']).toBe(theirs?.headers['content-type'])
  })

  test('takes our signature for the one that the SDK makes of the same request', async () => {
    await callGateway('POST', 'a+/bCdE=', Buffer.from('{"x":1}'))
    const { method = '', path = '', headers = {}, body } = received[0] ?? {}
    const { host = '', 'content-type': type = '', 'content-length': length = '', 'x-amz-date': time = '' } = headers
    const sdk = new ApiGatewayManagementApiClient({ endpoint })
    const signer = await sdk.config.signer({
      name: 'sigv4',
      signingName: 'execute-api',
      signingRegion: 'eu-central-1',
      properties: {},
    })
    const { headers: signed } = await signer.sign(
      {
        ...{ method, path, body, protocol: 'http:', hostname: '127.0.0.1', query: {} },
        headers: { host, 'content-type': type, 'content-length': length },
      },
      { signingDate: DateTime.fromISO(String(time)).toJSDate() },
    )
    expect(headers.authorization).toBe(signed.authorization)
  })

  test('tells the status, whatever it is, and the connection to it stays open', async () => {
    for (const answer of [200, 410, 429]) {
      status = answer
      expect(await callGateway('POST', 'abc=', Buffer.from('x'))).toBe(answer)
    }
    status = 204
    expect(await callGateway('DELETE', 'abc=')).toBe(204)
    expect(new Set(received.map(({ socket }) => socket)).size).toBe(1)
  })

  test('is asked once more where a connection turns out to be closed, and only then', async () => {
    await callGateway('POST', 'abc=', Buffer.from('first'))
    faults = [socket => socket.resetAndDestroy()]
    expect(await callGateway('POST', 'abc=', Buffer.from('second'))).toBe(200)
    expect(received.map(({ body }) => body)).toEqual(['first', 'second', 'second'])
    const fresh = createConnectionsApi(endpoint)
    faults = [socket => socket.resetAndDestroy()]
    await expect(fresh('POST', 'abc=', Buffer.from('third'))).rejects.toThrow()
  })

  test('is given up when it does not answer', async () => {
    faults = [() => {}]
    await expect(callGateway('POST', 'abc=', Buffer.from('x'))).rejects.toThrow('No answer from @connections')
  })
})
