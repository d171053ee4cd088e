import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { createHandler as authorizerHandler } from '../../functions/websocket/authorizer.ts'
import { createHandler as connectHandler } from '../../functions/websocket/connect.ts'
import type { Ticket } from '../../shared/auth/tickets.schema.ts'
import { createTickets, type Tickets } from '../../shared/auth/tickets.ts'
import { createTokenVerifier } from '../../shared/auth/tokens.ts'
import { Problem } from '../../shared/platform/problems.ts'
import { lambdaContext } from '../support/lambda.ts'
import { testSecret, tokenFor } from '../support/tokens.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const second = 1_000
const getTicket = async (userId: string, options = {}): Promise<Ticket> =>
  (await world.http<Ticket>(userId, 'POST /realtime/ticket', options)).body

/** What the authorizer makes of a handshake with this in place of a token. */
const authorize = (token: string, tickets: Tickets = createTickets(world.redis, world.clock)) => {
  const handler = authorizerHandler({
    ...world.deps,
    tickets,
    tokens: createTokenVerifier({ JWT_SECRET: testSecret }, world.clock),
  })
  const requestContext = { requestId: 'r', identity: { sourceIp: '127.0.0.1' } }
  const event = { methodArn: 'arn:connect', queryStringParameters: { token }, requestContext }
  return handler(event as unknown as APIGatewayRequestAuthorizerEvent, lambdaContext())
}

describe('a ticket', () => {
  test('says of its handshake what the token said', async () => {
    const [userId, businessId] = [world.newUser(), randomUUID()]
    const token = await tokenFor(userId, { businessId })
    const { ticket } = await getTicket(userId, { token })
    const byToken = await authorize(token)
    expect(await authorize(ticket)).toEqual(byToken)
    expect(byToken.context).toMatchObject({ userId, businessId })
  })

  test('is forgotten after 30 s, or with the end of the token', async () => {
    const { redis, clock } = world
    const tickets = createTickets(redis, clock)
    const endingIn = async (milliseconds: number) => {
      const before = await redis.keys('*ticket*')
      const expiresAt = new Date(clock.now().getTime() + milliseconds)
      const issued = await tickets.issue({ id: world.newUser(), kahaId: 'K', expiresAt })
      const [key = ''] = (await redis.keys('*ticket*')).filter(each => !before.includes(each))
      const left = await redis.pttl(key.slice(world.keyPrefix.length))
      return { left, until: issued.expiresAt.getTime() - clock.now().getTime() }
    }
    for (const [ends, most] of [
      [3_600 * second, 30 * second],
      [5 * second, 5 * second],
    ] as const) {
      const { left, until } = await endingIn(ends)
      expect(left).toBeGreaterThan(0)
      expect(left).toBeLessThanOrEqual(most)
      expect(until).toBeLessThanOrEqual(most)
    }
  })

  test('can not be found in Redis, nor can the token', async () => {
    const userId = world.newUser()
    const token = await tokenFor(userId)
    const { ticket } = await getTicket(userId, { token })
    const names = await world.redis.keys('*ticket*')
    const values = await Promise.all(names.map(name => world.redis.get(name.slice(world.keyPrefix.length))))
    const dump = JSON.stringify([names, values])
    expect(dump).toContain(userId)
    for (const secret of [ticket, token, token.split('.')[2] ?? '']) expect(dump).not.toContain(secret)
  })

  test('is of use to one of many who come with it at the same time', async () => {
    const { ticket } = await getTicket(world.newUser())
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => authorize(ticket)))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ message: 'Unauthorized' })
    }
  })
})

describe('while nobody can tell who comes', () => {
  const unavailable = async () => Promise.reject(new Problem('store_unavailable', 'Redis is gone.'))

  test('the authorizer lets the handshake pass with no name on it, and $connect refuses it with 503', async () => {
    const { principalId, context } = await authorize('A'.repeat(43), { redeem: unavailable, issue: unavailable })
    expect({ principalId, context }).toEqual({ principalId: 'nobody', context: { refusal: 'store_unavailable' } })
    const requestContext = { requestId: 'r', routeKey: '$connect', connectionId: 'c', connectedAt: Date.now() }
    const event = { requestContext: { ...requestContext, authorizer: { principalId, ...context } } }
    expect(await connectHandler(world.deps)(event, lambdaContext())).toEqual({ statusCode: 503 })
  })

  test('a token is taken all the same', async () => {
    const userId = world.newUser()
    const { context } = await authorize(await tokenFor(userId), { redeem: unavailable, issue: unavailable })
    expect(context).toMatchObject({ userId })
  })
})
