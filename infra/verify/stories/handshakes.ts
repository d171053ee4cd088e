import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { ask } from '../http.ts'
import { openSocket, Refused, type Socket } from '../socket.ts'
import type { Story } from '../story.ts'

/** What that handshake is refused with. Rejects when it is not. */
const refusalOf = async (url: string): Promise<Refused> => {
  try {
    await (await openSocket(url)).close()
  } catch (error) {
    if (error instanceof Refused) return error
    throw error
  }
  throw new Error(`a socket was opened by ${url.replace(/.*\?/, '?').slice(0, 20)}`)
}

const withSocket = async <Result>(url: string, work: (socket: Socket) => Promise<Result>): Promise<Result> => {
  const socket = await openSocket(url)
  try {
    return await work(socket)
  } finally {
    await socket.close()
  }
}

export const refusesHandshakes: Story = async ({ WebSocketUrl }, { check, find }) => {
  await check('A handshake without a token, or with a bad one, is refused with 401', async () => {
    for (const query of ['', '?token=', '?token=noise']) {
      const { status } = await refusalOf(WebSocketUrl + query)
      assert.equal(status, 401, `${query || 'no token'}: ${status}`)
    }
  })
  await find('What a refused handshake says', async () => {
    const [none, bad] = [await refusalOf(WebSocketUrl), await refusalOf(`${WebSocketUrl}?token=noise`)]
    return `without a token ${none.body || 'nothing'}, with a bad one ${bad.body || 'nothing'}`
  })
}

export const takesTickets: Story = async ({ HttpApiUrl, WebSocketUrl, alice }, { check }) => {
  await check('A ticket opens one socket at the address of the outputs', async () => {
    const { status, body } = await ask(HttpApiUrl, 'POST /realtime/ticket', { token: alice.token })
    assert.equal(status, 201, `the ticket: ${status} ${JSON.stringify(body)}`)
    const { url } = body as { url: string }
    assert.ok(url.startsWith(WebSocketUrl), `the ticket leads to ${url.replace(/\?.*/, '')}`)
    await withSocket(url, async socket => {
      await socket.until('session.ready', ({ event }) => event === 'session.ready')
      assert.equal((await refusalOf(url)).status, 401, 'it opened another one')
    })
  })
}

const tokenSeconds = 3

export const endsWithTheToken: Story = async ({ WebSocketUrl, alice, sign }, { check, skip }) => {
  const title = 'A socket whose token has run out is closed'
  if (!sign) return skip(title, 'it takes JWT_SECRET')
  await check(title, async tell => {
    const token = await sign({ id: alice.id }, tokenSeconds)
    const { frames, socket, ended } = await openSocket(`${WebSocketUrl}?token=${token}`)
    await delay((tokenSeconds + 1) * 1_000)
    // The sweep may have been here before.
    if (socket.readyState === socket.OPEN) socket.send('{"action":"heartbeat","data":{}}')
    assert.equal(await ended(), 1000)
    const told = frames.find(({ event }) => event === 'error')
    if (told) assert.equal(told.error?.code, 'token_expired')
    tell(told ? 'it was told so with its next frame' : 'by the sweep, before its next frame')
  })
}

export const keepsToFrames: Story = async ({ WebSocketUrl, alice }, { check, find }) => {
  const url = `${WebSocketUrl}?token=${alice.token}&replay=none`
  await check('A bad frame is answered, and the socket stays open', () =>
    withSocket(url, async ({ socket, until, ask }) => {
      for (const bad of ['{oops', '{"action":"no.such.action","requestId":"unknown"}', '[]']) socket.send(bad)
      await until('an error', frame => frame.requestId === 'unknown' && frame.event === 'error')
      await ask('ping', {})
    }),
  )
  await check('A frame of more than 32 KB closes the socket with 1009, a binary one with 1003', async () => {
    const large = await openSocket(url)
    large.socket.send(`{"action":"ping","data":"${'x'.repeat(33 * 1_024)}"}`)
    assert.equal(await large.ended(), 1009)
    const binary = await openSocket(url)
    binary.socket.send(Buffer.from([1, 2, 3]))
    assert.equal(await binary.ended(), 1003)
  })
  await find('Whether the gateway compresses frames for a client that offers it', () =>
    withSocket(url, async ({ socket }) => (socket.extensions ? `yes: ${socket.extensions}` : 'no')),
  )
}

const idleMinutes = 10
/** The other stories reach this socket, too, for up to two minutes. */
const patienceMinutes = idleMinutes + 3
const pingEveryMs = 30_000

export const findsIdleTime: Story = async ({ WebSocketUrl, alice, slow }, { find, skip }) => {
  const title = 'Whether pings of the protocol keep a socket open that sends nothing else'
  if (!slow) return skip(title, `it takes up to ${patienceMinutes} minutes: --slow`)
  await find(title, async () => {
    const { socket, closed, close } = await openSocket(`${WebSocketUrl}?token=${alice.token}&replay=none`)
    let lastFrameAt = Date.now()
    socket.on('message', () => {
      lastFrameAt = Date.now()
    })
    const pings = setInterval(() => socket.ping(), pingEveryMs)
    const ended = await Promise.race([closed, delay(patienceMinutes * 60_000, 'open' as const, { ref: false })])
    clearInterval(pings)
    if (ended !== 'open') {
      return `no: closed with ${ended}, ${Math.round((Date.now() - lastFrameAt) / 1_000)} s after its last frame`
    }
    await close()
    return 'yes'
  })
}
