import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { testStack } from '../support/stack.ts'
import { tokenFor } from '../support/tokens.ts'
import { HandshakeRefused, openSocket, request, type WireSocket } from '../support/wire-client.ts'
import { badTokens } from './bad-tokens.ts'
import { problemOf } from './problem-answer.ts'

interface Ticket {
  ticket: string
  expiresAt: string
  url: string
}

const getTicket = async (token: string): Promise<Ticket> => {
  const { status, body } = await request<Ticket>('POST /realtime/ticket', { token })
  expect(status).toBe(201)
  return body
}

/** How a handshake with this URL ends: 101, and the socket, or the status of its refusal. */
const knock = async (url: string): Promise<{ status: number; socket?: WireSocket }> => {
  try {
    return { status: 101, socket: await openSocket('', url.slice(testStack().outputs.WebSocketUrl.length)) }
  } catch (error) {
    return { status: (error as HandshakeRefused).status }
  }
}

describe('a ticket', () => {
  test('opens a socket in place of the token, as the same user', async () => {
    const [alice, bob] = [randomUUID(), randomUUID()]
    const asked = Date.now()
    const { ticket, expiresAt, url } = await getTicket(await tokenFor(alice))
    expect(url).toBe(`${testStack().outputs.WebSocketUrl}?token=${ticket}`)
    expect(Date.parse(expiresAt)).toBeGreaterThanOrEqual(asked + 30_000)
    expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.now() + 30_000)
    const { socket } = await knock(url)
    const ready = await socket?.until(frame => frame.event === 'session.ready')
    expect(ready?.data).toMatchObject({ userId: alice })
    const direct = { token: await tokenFor(alice), body: { targetUserId: bob } }
    const conversation = await request('POST /conversations/direct', direct)
    const sent = await socket?.ask('message.send', { conversationId: conversation.body.id, content: 'By ticket' })
    expect(sent).toMatchObject({ event: 'ack', data: { seq: 1 } })
    await socket?.close()
  })

  test('is of no use a second time, nor where it opens nothing', async () => {
    const { ticket, url } = await getTicket(await tokenFor(randomUUID()))
    const first = await knock(url)
    expect(first.status).toBe(101)
    expect(await knock(url)).toEqual({ status: 401 })
    await first.socket?.close()
    expect(await knock(url)).toEqual({ status: 401 })
    expect((await request('GET /conversations', { token: ticket })).status).toBe(401)
  })

  test('opens one socket of twenty that come with it at the same time', async () => {
    const { url } = await getTicket(await tokenFor(randomUUID()))
    const answers = await Promise.all(Array.from({ length: 20 }, () => knock(url)))
    expect(answers.map(({ status }) => status).sort()).toEqual([101, ...Array(19).fill(401)])
    await answers.find(({ socket }) => socket)?.socket?.close()
  })

  test('that nobody was given is refused', async () => {
    const { url } = await getTicket(await tokenFor(randomUUID()))
    for (const ticket of ['A'.repeat(43), '_'.repeat(43), randomUUID()]) {
      expect(await knock(url.replace(/token=.*/, `token=${ticket}`))).toEqual({ status: 401 })
    }
  })

  test('is given to nobody without a token', async () => {
    expect((await request('POST /realtime/ticket')).status).toBe(401)
  })

  test('ends the socket with the token that it was got with', async () => {
    const { url, expiresAt } = await getTicket(await tokenFor(randomUUID(), {}, 3))
    expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.now() + 3_000)
    const { socket } = await knock(url)
    const heartbeats = setInterval(() => socket?.isOpen && socket.send({ action: 'heartbeat', data: {} }), 200)
    try {
      const told = await socket?.until(frame => frame.event === 'error')
      expect(told?.error).toEqual(problemOf('token_expired'))
      expect(await socket?.closed).toBe(1000)
    } finally {
      clearInterval(heartbeats)
    }
  })
})

describe('a handshake', () => {
  test('with a valid token opens a socket', async () => {
    const socket = await openSocket(await tokenFor(randomUUID()))
    expect(await socket.ask('ping')).toMatchObject({ event: 'ack', data: { serverTime: expect.any(String) } })
    await socket.close()
  })

  test.each(['', '?token=', '?jwt=x'])('without a token is refused: %j', async query => {
    await expect(openSocket('', query)).rejects.toEqual(new HandshakeRefused(401))
  })

  test('with a bad token is refused', async () => {
    for (const { kind, token } of await badTokens(randomUUID())) {
      const answer = await openSocket(token).catch((error: HandshakeRefused) => error.status)
      expect([kind, answer]).toEqual([kind, 401])
    }
  })
})

test('the token that runs out on a live socket is told with the next frame, and the socket is closed', async () => {
  const socket = await openSocket(await tokenFor(randomUUID(), {}, 3))
  expect((await socket.ask('ping')).event).toBe('ack')
  const answer = await (async () => {
    for (;;) {
      const answer = await socket.ask('ping')
      if (answer.event !== 'ack') return answer
    }
  })()
  expect(answer).toMatchObject({ event: 'error', error: problemOf('token_expired') })
  expect(await socket.closed).toBe(1000)
})

test('the token that runs out is told to a heartbeat, too', async () => {
  const socket = await openSocket(await tokenFor(randomUUID(), {}, 3))
  const heartbeats = setInterval(() => socket.isOpen && socket.send({ action: 'heartbeat', data: {} }), 200)
  try {
    const answer = await socket.until(frame => frame.event === 'error')
    expect(answer.error).toEqual(problemOf('token_expired'))
    expect(await socket.closed).toBe(1000)
  } finally {
    clearInterval(heartbeats)
  }
})
