import { createHash, randomBytes } from 'node:crypto'
import type { Cluster } from 'ioredis'
import * as z from 'zod/mini'
import type { Clock } from '../platform/clock.ts'
import { Problem } from '../platform/problems.ts'
import { callRedis } from '../redis/call.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { keys } from '../redis/keys.ts'
import type { Caller } from './caller.ts'

/** Stand for a token in the URL of one handshake, for 30 s: a URL ends in logs and histories. */
export interface Tickets {
  /** For 30 s, or until the caller's token ends. One round trip; rejects with `store_unavailable`. */
  issue(caller: Caller): Promise<{ ticket: string; expiresAt: Date }>
  /**
   * Says who a ticket was given to, once: of several at the same time one is told. Rejects with `unauthorized` for any other, and
   * with `store_unavailable`. One round trip.
   */
  redeem(ticket: string): Promise<Caller>
}

const lifeMs = 30_000
const ticketBytes = 32

/** A ticket has no dot, which every JWT has. */
export const isTicket = (token: string): boolean => /^[\w-]{43}$/.test(token)

/** Redis holds no ticket, only what one is known by: who reads it there can't use it. */
const keyOf = (ticket: string): string => keys.ticket(createHash('sha256').update(ticket).digest('base64url'))

/** The caller as they are kept. */
const Kept = z.object({
  id: z.string(),
  kahaId: z.string(),
  businessId: z.optional(z.string()),
  expiresAt: z.pipe(
    z.string(),
    z.transform(text => new Date(text)),
  ),
})

export const createTickets = (redis: Cluster, clock: Clock): Tickets => ({
  issue: async caller => {
    const now = clock.now().getTime()
    const life = Math.min(lifeMs, caller.expiresAt.getTime() - now)
    const ticket = randomBytes(ticketBytes).toString('base64url')
    await callRedis(redis, () => redis.set(keyOf(ticket), JSON.stringify(caller), 'PX', life))
    return { ticket, expiresAt: new Date(now + life) }
  },
  redeem: async ticket => {
    const kept = await callRedis(redis, () => redis.getdel(keyOf(ticket)))
    if (kept === null) throw new Problem('unauthorized', 'The ticket is not known, has been used or has expired.')
    const { businessId, ...caller } = Kept.parse(JSON.parse(kept))
    return { ...caller, ...(businessId !== undefined && { businessId }) }
  },
})

export const ticketsFromEnvironment = (clock: Clock) => (): Tickets => createTickets(redisFromEnvironment(), clock)
