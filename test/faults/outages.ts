import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from '@jest/globals'
import { v7 as uuidv7 } from 'uuid'
import { until } from '../local/stores/until.ts'
import type { ModelClient } from '../support/faults-client.ts'
import { outageMs, repairedWithinMs, report, testTimeoutMs } from '../support/faults-stack.ts'
import { createGroup, newUsers, openDirect, sendOverHttp, storedIn } from '../support/faults-traffic.ts'
import { tokenFor } from '../support/tokens.ts'
import { type HandshakeRefused, openSocket, request } from '../support/wire-client.ts'
import { connect, stack } from './running-stack.ts'

/** One attempt to send: over what, how it was answered and when it was begun. */
interface Attempt {
  userId: string
  over: 'http' | 'socket'
  /** HTTP's status, or that of the socket's error; 0 for no answer; 200 and 201 for what was taken. */
  status: number
  code?: string | undefined
  /** The header or the field that says when to try again. */
  retryAfter: number | null
  begun: number
  tookMs: number
}

interface Sending {
  id: string
  conversationId: string
  content: string
  attempts: Attempt[]
  /** Where it was stored, as the sender was told. */
  seq?: number
}

const overHttp = async (userId: string, { conversationId, content, id }: Sending) => {
  const { status, headers, body } = await sendOverHttp(userId, conversationId, content, id)
  const code = (body as { code?: string }).code
  return { status, code, retryAfter: Number(headers.get('retry-after')) || null, seq: body.seq }
}

const overSocket = async (client: ModelClient, { conversationId, content, id }: Sending) => {
  const { event, data, error } = await client.ask('message.send', { conversationId, content, id })
  if (event === 'ack') return { status: data?.duplicate ? 200 : 201, retryAfter: null, seq: Number(data?.seq) }
  return { status: error?.status ?? 0, code: error?.code, retryAfter: error?.retryAfterSeconds ?? null }
}

const pauseMs = 100

/** Tries until it is taken, always with the same id. */
const sendSurely = async (
  client: ModelClient,
  over: Attempt['over'],
  sending: Sending,
  mayGoOn: () => boolean,
): Promise<void> => {
  while (mayGoOn()) {
    const begun = Date.now()
    const answer = await (over === 'http' ? overHttp(client.userId, sending) : overSocket(client, sending)).catch(
      () => ({ status: 0, code: undefined, retryAfter: null, seq: undefined }),
    )
    const { status, code, retryAfter, seq } = answer
    sending.attempts.push({ userId: client.userId, over, status, code, retryAfter, begun, tookMs: Date.now() - begun })
    if (seq !== undefined && (status === 200 || status === 201)) {
      sending.seq = seq
      return
    }
    await delay(pauseMs * (1 + Math.random()))
  }
}

interface Traffic {
  readonly sendings: readonly Sending[]
  /** Sends nothing new; resolves when everything was taken. */
  end(): Promise<void>
  /** Gives up. */
  stop(): void
}

/** Every user sends all the time, one message after the other, in turns over HTTP and the socket, to one conversation after the other. */
const startTraffic = (members: ReadonlyMap<string, readonly ModelClient[]>): Traffic => {
  const sendings: Sending[] = []
  let isOver = false
  let isStopped = false
  const senders = new Set([...members.values()].flat())
  const run = async (client: ModelClient, name: number): Promise<void> => {
    const own = [...members].filter(([, clients]) => clients.includes(client)).map(([conversationId]) => conversationId)
    for (let number = 0; !isOver; number += 1) {
      const conversationId = own[number % own.length] ?? ''
      const sending = { id: uuidv7(), conversationId, content: `User ${name}, no. ${number}`, attempts: [] }
      sendings.push(sending)
      await sendSurely(client, (name + number) % 2 === 0 ? 'http' : 'socket', sending, () => !isStopped)
      await delay(pauseMs)
    }
  }
  const runs = [...senders].map(run)
  return {
    sendings,
    end: async () => {
      isOver = true
      await Promise.all(runs)
    },
    stop: () => {
      isOver = true
      isStopped = true
    },
  }
}

/** Six users on one socket each, in two direct conversations and two groups. */
const openConversations = async (): Promise<Map<string, readonly ModelClient[]>> => {
  const users = newUsers(6)
  const [a = '', b = '', c = '', d = '', e = '', f = ''] = users
  const byUser = new Map<string, ModelClient>()
  for (const client of await connect(...users)) byUser.set(client.userId, client)
  const groups: [string, string[]][] = [
    [await openDirect(a, b), [a, b]],
    [await openDirect(c, d), [c, d]],
    [await createGroup(a, [b, c, d, e, f]), users],
    [await createGroup(e, [f, a]), [e, f, a]],
  ]
  return new Map(groups.map(([id, userIds]) => [id, userIds.flatMap(userId => byUser.get(userId) ?? [])] as const))
}

/** Nothing that was taken is lost, nothing is there twice, and everybody holds all of it. */
const expectAllHeld = async (
  members: ReadonlyMap<string, readonly ModelClient[]>,
  sendings: readonly Sending[],
): Promise<void> => {
  for (const [conversationId, clients] of members) {
    const sent = sendings
      .filter(sending => sending.conversationId === conversationId)
      .map(({ id, seq, content }) => ({ id, seq, content }))
      .toSorted((a, b) => Number(a.seq) - Number(b.seq))
    const stored = await storedIn(stack, conversationId)
    expect(stored).toEqual(sent)
    expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1))
    for (const client of clients) {
      await until(
        `all ${stored.length} messages are there`,
        () => client.holds(conversationId, stored.length),
        repairedWithinMs,
      )
      const contents = new Map(stored.map(({ seq, content }) => [seq, content]))
      const sights = client.sights.filter(sight => sight.conversationId === conversationId)
      for (const { seq, content } of sights) expect(content).toBe(contents.get(seq))
    }
  }
}

const during = (sendings: readonly Sending[], from: number, to: number): Attempt[] =>
  sendings.flatMap(({ attempts }) => attempts).filter(({ begun, tookMs }) => begun + tookMs > from && begun < to)

/** Whose socket is not open can't send over it; everybody else must be answered. */
const answered = (attempts: readonly Attempt[], dropped: ModelClient | undefined): Attempt[] =>
  attempts.filter(({ userId, over, status }) => status !== 0 || over === 'http' || userId !== dropped?.userId)

const reportAttempts = (title: string, attempts: readonly Attempt[]): void => {
  const counts = Map.groupBy(attempts, ({ over, status, code }) => `${over} ${status} ${code ?? ''}`)
  const lines = [...counts].map(
    ([what, those]) => `${what}: ${those.length}, ${Math.max(...those.map(a => a.tookMs))} ms`,
  )
  report(`${title}\n  ${lines.join('\n  ')}`)
}

describe('an outage', () => {
  let traffic: Traffic | undefined
  afterEach(() => traffic?.stop())

  test(
    'while Redis is gone sends are taken over HTTP and socket, and once it is back, empty, everybody gets everything',
    async () => {
      const members = await openConversations()
      traffic = startTraffic(members)
      const { sendings, end } = traffic
      await delay(1_000)
      const from = Date.now()
      await stack.redis.stop()
      await delay(outageMs)
      const to = Date.now()
      await stack.redis.start()
      await delay(2_000)
      await end()
      const meanwhile = during(sendings, from, to)
      reportAttempts('Redis gone', meanwhile)
      expect(new Set(meanwhile.map(({ status }) => status))).toEqual(new Set([201]))
      await expectAllHeld(members, sendings)
      for (const client of new Set([...members.values()].flat())) expect(client.connections).toBe(1)
    },
    testTimeoutMs(2),
  )

  test(
    'while Redis is gone no ticket is given out, and every handshake is told to come again',
    async () => {
      const [user = ''] = newUsers(1)
      const token = await tokenFor(user)
      const getTicket = () => request('POST /realtime/ticket', { token })
      const { body } = await getTicket()
      const knock = (given: string) => openSocket(given).catch((error: HandshakeRefused) => error.status)
      await stack.redis.stop()
      const [ticket, withTicket, withToken] = [await getTicket(), await knock(String(body.ticket)), await knock(token)]
      await stack.redis.start()
      expect(ticket).toMatchObject({ status: 503, body: { code: 'store_unavailable' } })
      expect(Number(ticket.headers.get('retry-after'))).toBeGreaterThan(0)
      expect([withTicket, withToken]).toEqual([503, 503])
      // It is empty now, and the ticket is forgotten.
      await until('the ticket is looked up again', async () => (await knock(String(body.ticket))) === 401)
      // Each function finds out by itself that Redis is back, so 503 may come again; but what was given out is never refused.
      await until('a new one opens a socket again', async () => {
        const given = await getTicket()
        const answer = given.status === 503 ? 503 : await knock(String(given.body.ticket))
        if (answer === 503) return false
        if (typeof answer === 'number') throw new Error(`A new ticket was refused with ${answer}`)
        await answer.close()
        return true
      })
    },
    testTimeoutMs(1),
  )

  test(
    'while SQS answers errors sends are taken, new sockets are refused for a while, and everybody gets everything',
    async () => {
      const members = await openConversations()
      const [first] = [...members.values()].flat()
      traffic = startTraffic(members)
      const { sendings, end } = traffic
      await delay(1_000)
      const from = Date.now()
      stack.host.sqs.faults.unavailable = true
      first?.drop()
      stack.host.gateway.faults.swallowedPosts = 0.3
      await delay(outageMs)
      const to = Date.now()
      stack.host.sqs.faults.unavailable = false
      stack.host.gateway.faults.swallowedPosts = 0
      await delay(2_000)
      await end()
      const meanwhile = during(sendings, from, to)
      reportAttempts('SQS unavailable', meanwhile)
      expect(new Set(answered(meanwhile, first).map(({ status }) => status))).toEqual(new Set([201]))
      expect(new Set(first?.refusals)).toEqual(new Set([503]))
      await expectAllHeld(members, sendings)
    },
    testTimeoutMs(2),
  )

  test(
    'while Postgres restarts callers are told to try again, and nothing that was taken is lost or there twice',
    async () => {
      const members = await openConversations()
      const [first] = [...members.values()].flat()
      traffic = startTraffic(members)
      const { sendings, end } = traffic
      await delay(1_000)
      const from = Date.now()
      // Its replay meets a database that is not there.
      first?.drop()
      await until('the dropped socket is back', () => first?.connections === 2)
      await stack.host.postgres?.stop()
      await delay(outageMs)
      const to = Date.now()
      await stack.host.postgres?.start()
      await delay(2_000)
      await end()
      const meanwhile = during(sendings, from, to)
      reportAttempts('Postgres gone', meanwhile)
      const refused = answered(meanwhile, first).filter(({ status }) => status !== 200 && status !== 201)
      expect(refused.length).toBeGreaterThan(0)
      for (const { status, code, retryAfter } of refused) {
        expect({ status, code }).toEqual({ status: 503, code: 'store_unavailable' })
        expect(retryAfter).toBeGreaterThan(0)
      }
      await expectAllHeld(members, sendings)
      await until('the session is ready', () => first?.events('session.ready').length === 2, repairedWithinMs)
    },
    testTimeoutMs(3),
  )
})
