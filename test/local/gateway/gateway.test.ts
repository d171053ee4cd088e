import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { connect, eventually, type FixtureGateway, request, startFixtureGateway } from './fixture-gateway.ts'

let fixtures: FixtureGateway

afterEach(() => fixtures.stop())

test('a stopping gateway closes its sockets with 1012, tells $disconnect, and takes nothing new', async () => {
  fixtures = await startFixtureGateway()
  const { gateway } = fixtures
  const clients = await Promise.all([connect(gateway), connect(gateway)])
  expect(gateway.connectionCount()).toBe(2)
  await gateway.stop()
  for (const client of clients) expect(await client.closed).toEqual({ code: 1012, reason: 'Service restart' })
  await eventually(() => fixtures.events('Disconnect').length === 2)
  await expect(request(gateway.httpUrl)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await expect(connect(gateway)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('a stopping gateway waits for events, deaf clients and undecided handshakes, but not for long', async () => {
  fixtures = await startFixtureGateway()
  const deaf = await connect(fixtures.gateway)
  deaf.send({ action: 'tell', do: 'late' })
  await eventually(() => fixtures.functions.units.invocations === 3)
  deaf.socket.pause()
  const undecided = connect(fixtures.gateway, { token: 'late' }).catch((error: Error) => error.message)
  await eventually(() => fixtures.events('Authorizer').length === 2)
  const startedAt = performance.now()
  await fixtures.gateway.stop()
  const stopTime = performance.now() - startedAt
  expect(stopTime).toBeGreaterThanOrEqual(1900)
  expect(stopTime).toBeLessThan(4000)
  expect(await undecided).toBe('socket hang up')
  deaf.socket.terminate()
})

test('a function that the host does not have is a failure of that request alone', async () => {
  fixtures = await startFixtureGateway({
    topology: {
      httpDefaultFunction: 'Nobody',
      httpRoutes: [{ method: 'GET', path: '/items', function: 'Http' }],
      webSocketAuthorizer: 'Authorizer',
      webSocketRoutes: [{ key: '$default', function: 'Nobody', twoWay: true }],
    },
  })
  expect(await request(`${fixtures.gateway.httpUrl}/elsewhere`)).toMatchObject({ status: 500 })
  expect(await request(`${fixtures.gateway.httpUrl}/items`)).toMatchObject({ status: 200 })
  const client = await connect(fixtures.gateway)
  client.send('hello')
  expect(JSON.parse(await client.next())).toMatchObject({ message: 'Internal server error' })
  expect(fixtures.lines.some(line => line.text.includes('There is no function Nobody'))).toBe(true)
})

test('a port that is in use is told with the variable that chooses another, and nothing keeps running', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  await expect(startFixtureGateway({ httpPort: port })).rejects.toThrow(
    `Port ${port} for the HTTP API is in use. Choose another one with PORT=<port>.`,
  )
  await expect(startFixtureGateway({ webSocketPort: port })).rejects.toThrow(
    `Port ${port} for the WebSocket API is in use. Choose another one with WS_PORT=<port>.`,
  )
  other.close()
  fixtures = await startFixtureGateway({ httpPort: port })
  expect(fixtures.gateway.httpUrl).toBe(`http://127.0.0.1:${port}`)
})
