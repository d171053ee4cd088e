import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { tokenFor } from '../support/tokens.ts'
import { HandshakeRefused, openSocket } from '../support/wire-client.ts'
import { badTokens } from './bad-tokens.ts'
import { problemOf } from './problem-answer.ts'

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
