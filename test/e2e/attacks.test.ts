import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { v7 } from 'uuid'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { testStack } from '../support/stack.ts'
import { tokenFor } from '../support/tokens.ts'
import {
  type HandshakeRefused,
  openSocket,
  request,
  type ServerFrame,
  type WireAnswer,
  type WireSocket,
} from '../support/wire-client.ts'
import { confusedTokens } from './attacks/confused-tokens.ts'
import { documentedActions, documentedRoutes } from './attacks/documented-requests.ts'
import {
  amongOwn,
  type ForeignRequest,
  foreignData,
  foreignMessageRequests,
  foreignRequest,
  guardedRoutes,
  idsBesidePaths,
  listingActions,
  type NamedId,
  namingActions,
  tells,
  withoutIds,
  withUnknownIds,
} from './attacks/foreign-ids.ts'
import {
  forgedCursor,
  hostileCursors,
  type ListOwner,
  openLists,
  positionIn,
  takesCursor,
} from './attacks/forged-cursors.ts'
import {
  framesWithHostileText,
  framesWithPrototypes,
  type HostileRequest,
  injections,
  type Own,
  slowTexts,
  withHostilePath,
  withHostileText,
  withoutFields,
  withPrototypes,
} from './attacks/hostile-inputs.ts'
import { ambiguousRequests, openRaw } from './attacks/raw-connection.ts'
import { type Attacker, openVictims, type Victims } from './attacks/victims.ts'
import { expectProblem } from './problem-answer.ts'

/*
 * What an attacker may try, over the wire. Requests and frames are made from the API documents, which are made from the tables of
 * routes and actions: a new one is attacked by itself, or fails until it is known how. Elsewhere: tickets (used twice, forged, as a
 * token) in handshake.test.ts, bodies, paths and queries that are wrong in bad-requests.test.ts, frames in bad-frames.test.ts.
 */

/** A server of an attacker's, which keeps what is asked of it. */
const listen = async (): Promise<{ url: string; requests: string[]; close: () => void }> => {
  const requests: string[] = []
  const server = createServer(({ url = '' }, response) => {
    requests.push(url)
    response.end('{"keys":[]}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, close: () => server.close() }
}

const sent = ({ target, body }: ForeignRequest, token: string) => request(target, { token, ...(body && { body }) })

describe('what belongs to others', () => {
  let victims: Victims
  let before: unknown
  beforeAll(async () => {
    victims = await openVictims()
    before = await victims.state()
  })
  afterAll(() => victims.close())

  /** All attackers at once. */
  const byEach = (attack: (attacker: Attacker) => Promise<void>) => Promise.all(victims.attackers.map(attack))

  test.each(guardedRoutes)('is refused as what there is not: $key', async route => {
    const [first] = victims.targets
    await byEach(async ({ name, token }) => {
      const { body: ofNothing } = await sent(withUnknownIds(foreignRequest(route, first, victims)), token)
      expect(['not_found', 'forbidden']).toContain(ofNothing.code)
      for (const target of victims.targets) {
        const { body: answer } = await sent(foreignRequest(route, target, victims), token)
        expect([name, target.kind, withoutIds(answer)]).toEqual([name, target.kind, withoutIds(ofNothing)])
        if (route.path.includes('{businessId}')) break
      }
    })
  })

  test('is not found in a conversation of one’s own', async () => {
    for (const { own, token } of victims.attackers) {
      for (const attack of foreignMessageRequests(victims, own)) expectProblem(await sent(attack, token), 'not_found')
    }
  })

  test('is not named beside a path without being known here', () => {
    const documented = documentedRoutes.flatMap(({ key, ids }) => ids.map(id => `${key} ${id}`))
    expect(documented.sort()).toEqual(Object.keys(idsBesidePaths).sort())
  })

  const attacksBesidePaths = Object.entries(idsBesidePaths).filter(
    (entry): entry is [string, Exclude<NamedId, string>] => typeof entry[1] !== 'string',
  )
  test.each(attacksBesidePaths)('is not told to whoever names it in %s', async (_, { attack, expected }) => {
    for (const { own, token } of victims.attackers) {
      const { body } = await sent(attack(victims, own), token)
      expect(body).toMatchObject(expected)
      expect(tells(body)).toBe(false)
    }
  })

  /** The answer to a frame, with what comes of it later. */
  const answersTo = async (socket: WireSocket, action: string, data: unknown): Promise<ServerFrame[]> => {
    const answer = await socket.ask(action, data)
    if (action !== 'sync' || answer.event !== 'ack') return [answer]
    return [answer, await socket.until(({ data }) => data?.requestId === answer.requestId)]
  }

  test.each(namingActions)('is refused as what there is not: the action $name', async action => {
    const nothing = { kind: 'direct', conversationId: v7(), messageId: v7() } as const
    const nobody = { customerId: v7(), agentId: v7() }
    await byEach(async ({ name, socket }) => {
      const ofNothing: unknown[] = []
      for (const data of foreignData(action, nothing, nobody)) {
        ofNothing.push(withoutIds(await answersTo(socket, action.name, data)))
      }
      for (const target of victims.targets) {
        for (const [index, data] of foreignData(action, target, victims).entries()) {
          const answers = withoutIds(await answersTo(socket, action.name, data))
          expect([name, target.kind, answers]).toEqual([name, target.kind, ofNothing[index]])
        }
      }
    })
  })

  test.each(listingActions)('is passed over among what is one’s own: the action $name', async action => {
    for (const { socket, own } of victims.attackers) {
      for (const target of victims.targets) {
        const answers = await answersTo(socket, action.name, amongOwn(action, [own, target], victims))
        expect(answers[0]?.event).toBe('ack')
        expect(JSON.stringify(answers)).not.toContain(target.conversationId)
      }
    }
  })

  test('has not changed after all that, nobody has heard of it, and the attackers know nothing', async () => {
    expect(await victims.state()).toEqual(before)
    expect(victims.heard()).toEqual([])
    for (const { token, socket } of victims.attackers) {
      expect(tells((await request('GET /conversations', { token })).body)).toBe(false)
      expect(tells(socket.frames)).toBe(false)
    }
  })
})

describe('a token that plays off algorithms and keys against each other', () => {
  let evil: { url: string; requests: string[]; close: () => void }
  let good: Readonly<Record<string, string>>
  let bad: Readonly<Record<string, string>>
  beforeAll(async () => {
    evil = await listen()
    ;({ good, bad } = await confusedTokens(randomUUID(), `${evil.url}/jwks.json`))
  })
  afterAll(() => evil.close())

  const statusOfHandshake = (token: string): Promise<number> =>
    openSocket(token).then(
      socket => socket.close().then(() => 101),
      (error: HandshakeRefused) => error.status,
    )

  test('is refused by every API, without a look at what it points to', async () => {
    expect(Object.keys(bad).length).toBeGreaterThan(60)
    for (const [fault, token] of Object.entries(bad)) {
      const answer = await request('GET /conversations', { token })
      expect([fault, answer.status, answer.body.code]).toEqual([fault, 401, 'unauthorized'])
      expect([fault, await statusOfHandshake(token)]).toEqual([fault, 401])
    }
    expect(evil.requests).toEqual([])
  })

  test('would be taken if it were signed as it says', async () => {
    for (const [alg, token] of Object.entries(good)) {
      expect([alg, (await request('GET /conversations', { token })).status]).toEqual([alg, 200])
      expect([alg, await statusOfHandshake(token)]).toEqual([alg, 101])
    }
  })
})

/** The token for the next `GET /sync` says when it was made. */
const withoutMoment = ({ next: _, ...page }: Record<string, unknown>) => page

describe('a cursor', () => {
  let owner: ListOwner
  let stranger: string
  beforeAll(async () => {
    owner = await openLists()
    stranger = await tokenFor(randomUUID(), { businessId: randomUUID() })
  })

  test('is tried on every list that takes one', () => {
    const documented = documentedRoutes.filter(takesCursor).map(({ key }) => key)
    expect(owner.lists.map(({ key }) => key).sort()).toEqual(documented.sort())
  })

  test('gives its owner the same page again', async () => {
    for (const { target, cursor } of owner.lists) {
      const [first, second] = [await request(target + cursor, owner), await request(target + cursor, owner)]
      expect([target, first.status]).toEqual([target, 200])
      expect(withoutMoment(second.body)).toEqual(withoutMoment(first.body))
    }
  })

  test('of another user, of another list or with other filters is refused', async () => {
    for (const { key, target, otherTargets, scope, cursor } of owner.lists) {
      const replayed = await request(target + cursor, { token: stranger })
      expect([key, replayed.body.code]).toEqual([key, key.includes('{businessId}') ? 'forbidden' : 'invalid_cursor'])
      const others = owner.lists.filter(list => String(list.scope) !== String(scope)).map(list => list.target)
      for (const other of [...otherTargets, ...others]) {
        expect([other, (await request(other + cursor, owner)).body.code]).toEqual([other, 'invalid_cursor'])
      }
    }
  })

  test('that was tampered with is refused', async () => {
    for (const { target, cursor } of owner.lists) {
      for (let index = 0; index < cursor.length - 1; index += 5) {
        const tampered = cursor.slice(0, index) + (cursor[index] === 'A' ? 'B' : 'A') + cursor.slice(index + 1)
        expect([target, (await request(target + tampered, owner)).body.code]).toEqual([target, 'invalid_cursor'])
      }
    }
  })

  const idsIn = ({ items, conversations = items }: Record<string, unknown>): unknown[] =>
    (conversations as { id?: string; agentId?: string }[]).map(({ id, agentId }) => id ?? agentId)

  test('that is forged is refused, or shows its owner what is theirs', async () => {
    const refusals = ['invalid_cursor', 'sync_token_expired']
    const pages = owner.lists.map(({ target }) => request(target.replace(/\?.*/, ''), owner))
    const theirs = new Set((await Promise.all(pages)).flatMap(({ body }) => idsIn(body)))
    const answered: unknown[] = []
    for (const list of owner.lists) {
      expect(forgedCursor(list.scope, positionIn(list.cursor))).toBe(list.cursor)
      for (const cursor of hostileCursors(list)) {
        const { status, body } = await request(list.target + cursor, owner)
        if (status === 200 ? idsIn(body).every(id => theirs.has(id)) : refusals.includes(String(body.code))) continue
        answered.push([list.key, Buffer.from(cursor, 'base64url').toString(), status])
      }
    }
    expect(answered).toEqual([])
  })
})

describe('what a request, or a frame, is made of', () => {
  let token: string
  let serviceToken: string
  let own: Own
  let socket: WireSocket
  beforeAll(async () => {
    const [userId, businessId] = [randomUUID(), randomUUID()]
    token = await tokenFor(userId, { businessId })
    const group = { token, body: { participantIds: [randomUUID()] } }
    const { body: conversation } = await request<Conversation>('POST /conversations/group', group)
    const customer = { token: await tokenFor(randomUUID()), body: { businessId } }
    const { body: chat } = await request<Conversation>('POST /conversations/business', customer)
    own = { conversationId: conversation.id, businessId, chatId: chat.id }
    serviceToken = await readFile(testStack().directory.serviceToken, 'utf8')
    socket = await openSocket(token)
  })
  afterAll(() => socket.close())

  const withBody = documentedRoutes.filter(({ example }) => example)
  const withTexts = documentedRoutes.filter(({ bodyTexts, query }) => bodyTexts.length + query.length > 0)
  const withPath = documentedRoutes.filter(({ path }) => path.includes('{'))
  const answering = documentedActions.filter(({ name }) => name !== 'heartbeat')

  const answerTo = ({ target, rawBody }: HostileRequest) =>
    request(target, {
      token: target.includes('/internal/') ? serviceToken : token,
      ...(rawBody && { rawBody, headers: { 'content-type': 'application/json' } }),
    })
  /** A few at once, so that none has to wait long for the others. */
  const answersTo = async (requests: readonly HostileRequest[]): Promise<WireAnswer[]> => {
    const answers: WireAnswer[] = []
    for (let from = 0; from < requests.length; from += 12) {
      answers.push(...(await Promise.all(requests.slice(from, from + 12).map(answerTo))))
    }
    return answers
  }
  /** Those that were not answered as requests are: in time, and with no fault of ours. */
  const failedOf = async (requests: readonly HostileRequest[]): Promise<unknown[]> => {
    const answers = await answersTo(requests)
    return answers.flatMap(({ status, body }, index) => (status < 500 ? [] : [[requests[index]?.target, status, body]]))
  }
  const codesOf = async (frames: readonly string[]): Promise<unknown[]> => {
    const codes: unknown[] = []
    for (const frame of frames) {
      const answer = socket.next(({ event }) => event === 'error' || event === 'ack')
      socket.send(frame)
      codes.push((await answer).error?.code)
    }
    return codes
  }
  const ourFaults = ['internal_error', 'timeout', 'store_unavailable']

  test.each(withTexts)('may be a text that takes long to read: $key', async route => {
    // The longest that a message may be, and far more.
    for (const text of [...slowTexts(3_999), ...slowTexts(40_000)]) {
      expect(await failedOf(withHostileText(route, own, text))).toEqual([])
    }
  })

  test('may be an id that takes long to read, or a header', async () => {
    for (const text of slowTexts(3_999)) {
      expect(await failedOf(withPath.flatMap(route => withHostilePath(route, own, text)))).toEqual([])
      const headers = { authorization: `Bearer ${encodeURIComponent(text).slice(0, 6_000)}  x` }
      expect((await request('GET /conversations', { headers })).status).toBe(401)
    }
  })

  test.each(answering)('may be a text that takes long to read: the action $name', async action => {
    for (const text of slowTexts(3_999)) {
      for (const code of await codesOf(framesWithHostileText(action, own, text))) expect(ourFaults).not.toContain(code)
    }
  })

  test.each(withBody)('can not put anything on a prototype: $key', async route => {
    const before = await answerTo(withoutFields(route, own))
    for (const attack of withPrototypes(route, own)) {
      const { status, body } = await answerTo(attack)
      // What is named freely takes what is named so for nothing.
      if (status === 200) expect(body).not.toHaveProperty(['specialHours', '__proto__', 'targetUserId'])
      else expect([attack.rawBody, body.code]).toEqual([attack.rawBody, 'validation_failed'])
    }
    expect(withoutIds((await answerTo(withoutFields(route, own))).body)).toEqual(withoutIds(before.body))
  })

  test.each(answering)('can not put anything on a prototype: the action $name', async action => {
    const nothing = JSON.stringify({ action: action.name, requestId: 'r' })
    const before = await codesOf([nothing])
    for (const code of await codesOf(framesWithPrototypes(action, own))) expect(code).toBe('validation_failed')
    expect(await codesOf([nothing])).toEqual(before)
  })

  test('can be named like a prototype where a client names things freely', async () => {
    const metadata = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}'
    const target = `POST /conversations/${own.conversationId}/messages`
    const { status, body } = await answerTo({ target, rawBody: `{"content":"Hi","metadata":${metadata}}` })
    expect(status).toBe(201)
    expect(body.metadata).toMatchObject({ constructor: { prototype: { admin: true } } })
    expect((await answerTo({ target, rawBody: '{"content":"Hi"}' })).body.metadata).toBeNull()
  })

  test('begins no line of a log, and no header', async () => {
    const marker = `marker${randomUUID().slice(0, 8)}`
    for (const text of injections(marker)) {
      const requests = documentedRoutes.flatMap(route => [
        ...withHostileText(route, own, text),
        ...withHostilePath(route, own, text),
      ])
      for (const { headers } of await answersTo(requests)) expect(headers.has('set-cookie')).toBe(false)
      await codesOf(answering.flatMap(action => framesWithHostileText(action, own, text)))
    }
    const log = await readFile(join(testStack().directory.logs, 'functions.log'), 'utf8')
    const lines = [...log.matchAll(/^\S+ \w+ (\w+) (.*)$/gm)]
    const written = lines.filter(([line, stream]) => stream === 'stdout' || line.includes(marker))
    expect(written.length).toBeGreaterThan(0)
    for (const [, , text = ''] of written) expect(() => JSON.parse(text)).not.toThrow()
  }, 60_000)

  test.each(Object.entries(ambiguousRequests))(
    'is refused where it could be read in two ways: %s',
    async (_, bytes) => {
      const connection = await openRaw(testStack().outputs.HttpApiUrl)
      connection.write(bytes)
      expect((await connection.answer()).match(/^HTTP\/1\.1 .*/gm)).toEqual(['HTTP/1.1 400 Bad Request'])
      connection.close()
    },
  )

  test.each([7, 11])('may not be a body of %d MB', async megabytes => {
    const rawBody = JSON.stringify({ content: 'x'.repeat(megabytes * 1024 * 1024) })
    const answer = await answerTo({ target: `POST /conversations/${own.conversationId}/messages`, rawBody })
    expect(answer).toMatchObject({ status: 413, body: { message: 'Request Entity Too Large' } })
  })

  test('may come slowly, or never: that keeps nobody else waiting', async () => {
    const { HttpApiUrl, WebSocketUrl } = testStack().outputs
    const body = '{"content":"Slowly"}'
    const head = [
      `POST /conversations/${own.conversationId}/messages HTTP/1.1`,
      'Host: a',
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
      'Connection: close',
      `Content-Length: ${body.length}`,
    ].join('\r\n')
    const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    const starts: [string, string][] = [
      [HttpApiUrl, head.slice(0, 60)],
      [HttpApiUrl, `${head}\r\n\r\n${body.slice(0, 5)}`],
      [WebSocketUrl, upgrade],
    ]
    const slow = await Promise.all(
      starts.flatMap(([url, bytes]) =>
        Array.from({ length: 100 }, async () => {
          const connection = await openRaw(url)
          connection.write(bytes)
          return connection
        }),
      ),
    )
    const [finishing, ...others] = slow.slice(100)
    for (let count = 0; count < 20; count += 1) {
      for (const connection of others) connection.write('x')
      expect((await request('GET /conversations', { token })).status).toBe(200)
      expect((await socket.ask('ping')).event).toBe('ack')
    }
    await (await openSocket(token)).close()
    finishing?.write(body.slice(5))
    expect(await finishing?.answer()).toMatch(/^HTTP\/1\.1 201 Created/)
    for (const connection of slow) connection.close()
  })
})
