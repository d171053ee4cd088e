import type { Cluster } from 'ioredis'
import type { Kysely } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import type { Database } from '../database/schema.ts'
import { type FanOutDeps, fanOut } from '../delivery/fan-out.ts'
import { logger } from '../platform/logger.ts'
import { conversationNotFound } from '../platform/problems.ts'
import { findStandings } from '../receipts/receipts.repository.ts'
import type { TypingSettings } from './settings.ts'
import type { TypingEnd } from './typing.schema.ts'
import { claimTyping, endTyping, forgetTyping, type Typist } from './typing-state.ts'

export type TypingDeps = FanOutDeps & { db: Kysely<Database>; redis: Cluster; typing: TypingSettings }

/** Everybody else who hears of the conversation. Throws `not_found` unless the viewer is in it, or manages it. */
const othersIn = async (db: Kysely<Database>, viewer: Viewer, conversationId: string): Promise<string[]> => {
  const standing = (await findStandings(db, viewer, [conversationId])).get(conversationId)
  if (!standing) throw conversationNotFound()
  return standing.others
}

interface Typing extends Typist {
  /** The business that the user manages. */
  businessId?: string | undefined
}

/**
 * Tells the others that a user types, once in each period: one Redis round trip decides, then one statement finds them, and one
 * more round trip their connections. What is not passed on costs nothing more. While Redis is down nobody can be told, and the
 * answer does not say so.
 * @returns when it ends by itself, unless it is started again before.
 *
 * Throws `not_found` (not a participant).
 */
export const startTyping = async (
  deps: TypingDeps,
  { conversationId, userId, businessId }: Typing,
): Promise<TypingEnd> => {
  const { db, redis, clock, typing } = deps
  const typist = { conversationId, userId }
  const viewer = { id: userId, ...(businessId !== undefined && { businessId }) }
  const now = clock.now()
  const ownEnd = new Date(now.getTime() + typing.endsAfterMs)
  const claim = await claimTyping(redis, typing, typist, now).catch(error => {
    logger.warn('Typing is not throttled', error as Error)
    return { passOn: true, expiresAt: ownEnd }
  })
  // After a stop the others see nothing until the next one that is passed on, which the client is to send in time.
  if (!claim.passOn) return { expiresAt: (claim.expiresAt > now ? claim.expiresAt : ownEnd).toISOString() }
  try {
    const others = await othersIn(db, viewer, conversationId)
    const data = { ...typist, expiresAt: claim.expiresAt.toISOString() }
    await fanOut(deps, others, { event: 'typing.started', data })
    return { expiresAt: data.expiresAt }
  } catch (error) {
    // Only a participant's claim may stand: the next attempt is to meet the same answer.
    await forgetTyping(redis, typist).catch(() => {})
    throw error
  }
}

/**
 * Tells the others that a user no longer types; where they don't see it anyway, nobody is told. One statement and one or two
 * Redis round trips. Throws `not_found` (not a participant).
 */
export const stopTyping = async (
  deps: TypingDeps,
  { conversationId, userId, businessId }: Typing,
): Promise<TypingEnd> => {
  const { db, redis, clock } = deps
  const typist = { conversationId, userId }
  const viewer = { id: userId, ...(businessId !== undefined && { businessId }) }
  const now = clock.now()
  const others = await othersIn(db, viewer, conversationId)
  const wasSeen = await endTyping(redis, typist, now).catch(error => {
    logger.warn('Nobody was told that typing stopped', error as Error)
    return false
  })
  if (wasSeen) await fanOut(deps, others, { event: 'typing.stopped', data: typist })
  return { expiresAt: now.toISOString() }
}
