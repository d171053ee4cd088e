import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { directConversation, openClientWorld, refusal } from '../support/client-world.ts'

describe('the connection of a client', () => {
  test('is made with the token and without a replay, and is online once everything is up to date', async () => {
    const world = openClientWorld()
    await world.online(directConversation(world.userId, randomUUID()))
    expect(world.socket.url.href).toBe('ws://service/?token=token&replay=none')
    expect(world.heard('connection')).toEqual(['connecting', 'catching-up', 'online'])
    expect(world.chat.connection).toBe('online')
    expect(world.chat.known).toHaveLength(1)
  })

  test('is made with a ticket where no URL of the socket is given, and with a new one each time', async () => {
    const world = openClientWorld({ webSocketUrl: undefined })
    let tickets = 0
    world.answer('POST /realtime/ticket', ({ authorization }) => {
      tickets += 1
      const ticket = `${authorization} ${tickets}`
      return { body: { ticket, expiresAt: '', url: `wss://elsewhere/chat?token=${encodeURIComponent(ticket)}` } }
    })
    await world.online()
    expect(world.socket.url.searchParams.get('token')).toBe('Bearer token 1')
    expect(world.socket.url.href).toMatch(/^wss:\/\/elsewhere\/chat\?.*&replay=none$/)
    await world.socket.end()
    await world.time.pass(1_000)
    expect(world.socket.url.searchParams.get('token')).toBe('Bearer token 2')
  })

  test('sends a heartbeat 15 s after its last frame, and none where another frame counts as one', async () => {
    const world = openClientWorld()
    await world.online()
    await world.time.pass(14_000)
    world.chat.typing(randomUUID())
    await world.time.pass(14_000)
    expect(world.socket.sent('heartbeat')).toHaveLength(0)
    await world.time.pass(1_000)
    expect(world.socket.sent('heartbeat')).toEqual([{ action: 'heartbeat', data: {} }])
  })

  test('keeps to the rhythm that the server asks for', async () => {
    const world = openClientWorld()
    await world.online()
    await world.socket.ready({ heartbeatSeconds: 5 })
    await world.time.pass(25_000)
    expect(world.socket.sent('heartbeat')).toHaveLength(5)
  })

  test('is given up within 45 s when nothing comes back, and made again', async () => {
    const world = openClientWorld()
    await world.online()
    const first = world.socket
    await world.time.pass(39_000)
    expect(first.sent('ping')).toHaveLength(1)
    expect(first.isClosed).toBe(false)
    await world.time.pass(2_000)
    expect(first.isClosed).toBe(true)
    expect(world.sockets).toHaveLength(2)
    expect(world.chat.connection).toBe('connecting')
  })

  test('stays when the ping of a silent socket is answered, by whatever frame', async () => {
    const world = openClientWorld()
    await world.online()
    await world.time.pass(31_000)
    await world.socket.send('')
    await world.time.pass(20_000)
    expect(world.sockets).toHaveLength(1)
  })

  test('is made again after each end, waiting twice as long each time, half a minute at most', async () => {
    const world = openClientWorld()
    await world.online()
    const waits: number[] = []
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      await world.socket.end()
      for (let seconds = 0; world.sockets.length === attempt; seconds += 0.5) {
        waits[attempt - 1] = seconds
        await world.time.pass(500)
      }
    }
    // Chance, which would add up to as much again, is left out.
    expect(waits.map(wait => wait + 0.5)).toEqual([0.5, 1, 2, 4, 8, 15, 15, 15])
  })

  test('begins anew with short waits once a session was ready', async () => {
    const world = openClientWorld()
    await world.online()
    for (let attempt = 0; attempt < 4; attempt += 1) {
      await world.socket.end()
      await world.time.pass(15_000)
    }
    await world.socket.accept()
    await world.socket.ready()
    const before = world.sockets.length
    await world.socket.end()
    await world.time.pass(500)
    expect(world.sockets).toHaveLength(before + 1)
  })

  test('is renewed ahead of the limit of the gateway, without a wait', async () => {
    const world = openClientWorld({ environment: { random: () => 0.5 } })
    await world.online()
    const first = world.socket
    await first.ready({ reconnectAfterSeconds: 25 })
    await world.time.pass(23_000)
    expect(world.sockets).toHaveLength(1)
    await world.time.pass(1_000)
    expect(first.isClosed).toBe(true)
    expect(world.sockets).toHaveLength(2)
  })

  test('is given up when the handshake takes too long', async () => {
    const world = openClientWorld()
    void world.chat.connect()
    await world.time.pass(15_000)
    expect(world.socket.isClosed).toBe(true)
    await world.time.pass(1_000)
    expect(world.sockets).toHaveLength(2)
  })

  test('takes a new token after a handshake was refused, and when the token of a live socket has run out', async () => {
    const asked: boolean[] = []
    const token = (wasRefused: boolean) => `token ${asked.push(wasRefused)}`
    const world = openClientWorld({ token })
    void world.chat.connect()
    await world.time.pass(0)
    await world.socket.end()
    await world.time.pass(1_000)
    expect(world.socket.url.searchParams.get('token')).toBe('token 2')
    await world.socket.accept()
    await world.socket.send(
      JSON.stringify({ event: 'error', error: { code: 'token_expired', status: 401, detail: '' } }),
    )
    expect(world.socket.isClosed).toBe(true)
    await world.time.pass(1_000)
    expect(world.socket.url.searchParams.get('token')).toBe('token 3')
    expect(asked).toEqual([false, true, true])
    expect(world.heard('problem')).toEqual([])
  })

  test('waits when no token can be had, and says so', async () => {
    let isDown = true
    const token = async () => {
      if (isDown) throw new Error('The main service is down')
      return 'token'
    }
    const world = openClientWorld({ token })
    void world.chat.connect()
    await world.time.pass(600)
    expect(world.sockets).toHaveLength(0)
    expect(world.heard('problem')).toMatchObject([{ code: 'unreachable', detail: 'The main service is down' }, {}])
    isDown = false
    await world.time.pass(1_000)
    expect(world.sockets).toHaveLength(1)
  })

  test('ends for good when it is closed, at any moment', async () => {
    const world = openClientWorld()
    void world.chat.connect()
    world.chat.close()
    await world.time.pass(60_000)
    expect(world.sockets).toHaveLength(0)

    let give = (_token: string): void => {}
    const waiting = openClientWorld({ token: () => new Promise(resolve => (give = resolve)) })
    void waiting.chat.connect()
    await waiting.time.pass(0)
    waiting.chat.close()
    give('token')
    await waiting.time.pass(60_000)
    expect(waiting.sockets).toHaveLength(0)

    await world.online()
    world.chat.close()
    expect(world.socket.isClosed).toBe(true)
    expect(world.chat.connection).toBe('closed')
    await world.time.pass(60_000)
    expect(world.sockets).toHaveLength(1)
  })

  test('tells of errors that answer nothing, and passes over frames that it does not know', async () => {
    const world = openClientWorld()
    await world.online()
    await world.socket.send('{"message":"Internal server error","connectionId":"c","requestId":"r"}')
    await world.socket.send('no JSON')
    await world.socket.send('null')
    await world.socket.push('from.tomorrow', {})
    await world.socket.send(JSON.stringify({ event: 'error', error: { code: 'not_found', status: 404, detail: 'No' } }))
    expect(world.heard('problem')).toMatchObject([{ name: 'ChatProblem', code: 'not_found', detail: 'No' }])
  })
})

describe('a request of a client', () => {
  test('is tried again after a while when it may succeed later, as late as the service asks for', async () => {
    const world = openClientWorld()
    world.answer('GET /conversations', () => refusal({ code: 'rate_limited', status: 429, retryAfterSeconds: 20 }))
    const page = world.chat.conversations()
    await world.time.pass(19_000)
    expect(world.requests).toHaveLength(1)
    world.answer('GET /conversations', () => undefined)
    await world.time.pass(2_000)
    expect(world.requests).toHaveLength(2)
    world.answer('GET /conversations', () => ({ body: { items: [], nextCursor: null } }))
    await world.time.pass(2_000)
    expect(await page).toEqual({ items: [], nextCursor: null })
  })

  test('is given up after four attempts, and at once when it can not succeed', async () => {
    const world = openClientWorld()
    world.answer('GET /conversations', () => undefined)
    const unreachable = expect(world.chat.conversations()).rejects.toMatchObject({ code: 'unreachable', status: 0 })
    await world.time.pass(60_000)
    await unreachable
    expect(world.requests).toHaveLength(4)
    world.answer('GET /conversations', () => refusal({ code: 'forbidden', status: 403 }))
    await expect(world.chat.conversations()).rejects.toMatchObject({ code: 'forbidden', requestId: 'server' })
    expect(world.requests).toHaveLength(5)
  })

  test('takes another token when its own is refused, once', async () => {
    const asked: boolean[] = []
    const world = openClientWorld({ token: wasRefused => `token ${asked.push(wasRefused)}` })
    world.answer('GET /conversations', ({ authorization }) =>
      authorization === 'Bearer token 2'
        ? { body: { items: [], nextCursor: null } }
        : refusal({ code: 'unauthorized', status: 401 }),
    )
    expect(await world.chat.conversations()).toEqual({ items: [], nextCursor: null })
    world.answer('GET /conversations', () => refusal({ code: 'unauthorized', status: 401 }))
    await expect(world.chat.conversations()).rejects.toMatchObject({ code: 'unauthorized' })
    expect(asked).toEqual([false, true, true])
  })

  test('puts its parameters where they belong', async () => {
    const world = openClientWorld()
    world.answer('PUT', () => ({ body: {} }))
    world.answer('GET', () => ({ body: { items: [], hasMore: false } }))
    await world.chat.history('a/b', { before: 5, limit: 10 })
    await world.chat.request('PUT /business/{businessId}/agents/{agentId}/availability', {
      params: { businessId: '1', agentId: '2' },
      body: { isAvailable: true },
    })
    expect(world.requests.map(({ target, body }) => [target, body])).toEqual([
      ['GET /conversations/a%2Fb/messages?before=5&limit=10', undefined],
      ['PUT /business/1/agents/2/availability', { isAvailable: true }],
    ])
  })
})
