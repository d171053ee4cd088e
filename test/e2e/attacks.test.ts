import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { v7 } from 'uuid'
import { tokenFor } from '../support/tokens.ts'
import {
  type HandshakeRefused,
  openSocket,
  request,
  type ServerFrame,
  type WireSocket,
} from '../support/wire-client.ts'
import { confusedTokens } from './attacks/confused-tokens.ts'
import { documentedRoutes } from './attacks/documented-requests.ts'
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
import { openVictims, type Victims } from './attacks/victims.ts'
import { expectProblem } from './problem-answer.ts'

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
  /** Whatever was tried: nothing has changed, nobody has heard of it, and the attackers know nothing. */
  afterAll(async () => {
    expect(await victims.state()).toEqual(before)
    expect(victims.heard()).toEqual([])
    for (const { token, socket } of victims.attackers) {
      for (const path of ['/conversations', '/notifications/unread-counts']) {
        expect(tells((await request(`GET ${path}`, { token })).body)).toBe(false)
      }
      expect(tells(socket.frames)).toBe(false)
    }
    await victims.close()
  })

  test.each(guardedRoutes)('is refused as what there is not: $key', async route => {
    for (const { name, token } of victims.attackers) {
      for (const target of victims.targets) {
        const attack = foreignRequest(route, target, victims)
        const { body: answer } = await sent(attack, token)
        const { body: ofNothing } = await sent(withUnknownIds(attack), token)
        expect([name, target.kind, withoutIds(answer)]).toEqual([name, target.kind, withoutIds(ofNothing)])
        expect(['not_found', 'forbidden']).toContain(answer.code)
        if (route.path.includes('{businessId}')) break
      }
    }
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
    for (const { name, socket } of victims.attackers) {
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
    }
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

  test('that is forged is refused, or shows its owner what they may see', async () => {
    const refusals = ['invalid_cursor', 'sync_token_expired']
    const answered: unknown[] = []
    for (const list of owner.lists) {
      expect(forgedCursor(list.scope, positionIn(list.cursor))).toBe(list.cursor)
      for (const cursor of hostileCursors(list)) {
        const { status, body } = await request(list.target + cursor, owner)
        if (status === 200 || refusals.includes(String(body.code))) continue
        answered.push([list.key, Buffer.from(cursor, 'base64url').toString(), status])
      }
    }
    expect(answered).toEqual([])
  })
})
