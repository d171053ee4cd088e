import type { Kysely } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import { requireAccess } from '../conversations/access.ts'
import type { Database } from '../database/schema.ts'
import { clearPending, forgetPending } from '../delivery/pending.ts'
import { statusOf } from '../messages/message.view.ts'
import { findVisible } from '../messages/messages.repository.ts'
import { visibleAt } from '../messages/retention.config.ts'
import { logger } from '../platform/logger.ts'
import { conversationNotFound, Problem } from '../platform/problems.ts'
import { inOneRoundTrip } from '../redis/round-trip.ts'
import { type AnnounceDeps, announceInPlace, announcePositions, type PlacedPosition } from './announce.ts'
import { type DeliveredPositions, storeDelivered, withDelivered } from './delivered.ts'
import type { ReceiptJob } from './receipt.jobs.ts'
import {
  findSeq,
  findStandings,
  findStandingsFor,
  type Position,
  raiseRead,
  type Standing,
} from './receipts.repository.ts'
import type { MarkedRead, MarkRead, ReadUpTo, Receipt } from './receipts.schema.ts'
import { unreadCounts, unreadCountsOf } from './unread.ts'

export type ReceiptDeps = AnnounceDeps & { db: Kysely<Database>; delivered: DeliveredPositions }

/** The highest position of each conversation; a batch may name one twice. */
const highest = (positions: readonly Position[]): Position[] => {
  const bySeq = new Map<string, number>()
  for (const { conversationId, seq } of positions) {
    bySeq.set(conversationId, Math.max(seq, bySeq.get(conversationId) ?? 0))
  }
  return [...bySeq].map(([conversationId, seq]) => ({ conversationId, seq }))
}

interface Found<Stands extends Standing> {
  found: { position: Position; standing: Stands }[]
  /** Conversations that they may not speak of. */
  passedOver: string[]
}

const idsOf = (positions: readonly Position[]): string[] => positions.map(({ conversationId }) => conversationId)

/** The positions with where the caller stands, in the conversations that they may speak of; `not_found` when that is none of them. */
const foundIn = <Stands extends Standing>(
  standings: ReadonlyMap<string, Stands>,
  positions: readonly Position[],
): Found<Stands> => {
  const found = positions.flatMap(position => {
    const standing = standings.get(position.conversationId)
    return standing ? [{ position, standing }] : []
  })
  if (found.length === 0) throw conversationNotFound()
  const passedOver = idsOf(positions).filter(id => !standings.has(id))
  return { found, passedOver }
}

/**
 * Notes up to where a user holds everything. Never moves backwards, nor past the newest message; conversations that the user
 * is not in are passed over and returned, unless there is no other (`not_found`). Who sent some of it is told. Repeating it changes
 * nothing. One statement and two Redis round trips; while Redis is down a statement in their place, and nobody is told.
 */
export const markDelivered = async (
  deps: ReceiptDeps,
  caller: Viewer,
  positions: readonly Position[],
): Promise<{ passedOver: string[] }> => {
  const userId = caller.id
  const wanted = highest(positions)
  const { found: all, passedOver } = foundIn(await findStandingsFor(deps.db, caller, wanted), wanted)
  const found = all.map(({ position, standing }) => ({ ...standing, seq: Math.min(position.seq, standing.lastSeq) }))
  const advancing = found
    .filter(({ seq, lastDeliveredSeq }) => seq > lastDeliveredSeq)
    .map(standing => ({ ...standing, userId, toldOf: Math.max(0, ...standing.newest) }))
  const noted = await inOneRoundTrip(deps.redis, trip =>
    Promise.all([deps.delivered.raise(advancing, trip), clearPending(trip, userId, found)]),
  ).catch(async (error: Error) => {
    logger.warn('Delivered positions go straight to Postgres', error)
    await storeDelivered(deps.db, advancing)
  })
  if (!noted) return { passedOver }
  const [raised, isNothingPending] = noted
  const placed = advancing.map(({ conversationId, seq, lastDeliveredSeq, others, newest }, index): PlacedPosition => {
    const { place, above } = raised[index] ?? { place: 0, above: 0 }
    // Redis knows better than Postgres, unless it was lost.
    const from = Math.max(above, lastDeliveredSeq)
    const audience = others.filter((_, other) => (newest[other] ?? 0) > from)
    return { kind: 'delivered', conversationId, userId, seq, above: from, audience, place }
  })
  await inOneRoundTrip(deps.redis, async trip => {
    const forgotten = isNothingPending ? forgetPending(trip, [userId]) : undefined
    await Promise.all([
      announceInPlace(deps, placed, trip),
      forgotten?.catch((error: Error) => logger.warn('A pending mark stays', error)),
    ])
  })
  return { passedOver }
}

const announceRead = async (
  deps: ReceiptDeps,
  userId: string,
  moved: readonly Position[],
  othersOf: (conversationId: string) => readonly string[],
): Promise<void> =>
  announcePositions(
    deps,
    moved.map(({ conversationId, seq }) => ({
      kind: 'read',
      conversationId,
      userId,
      seq,
      // The reader's other devices take down their badge.
      audience: [...othersOf(conversationId), userId],
    })),
  )

/** Notes up to where a user has read, with the rules of `markDelivered`; `unread`: what is left unread, by conversation. */
export const markRead = async (
  deps: ReceiptDeps,
  caller: Viewer,
  positions: readonly Position[],
): Promise<{ unread: Record<string, number>; passedOver: string[] }> => {
  const userId = caller.id
  const wanted = highest(positions)
  const { found, passedOver } = foundIn(await findStandings(deps.db, caller, idsOf(wanted)), wanted)
  const others = new Map(found.map(({ standing }) => [standing.conversationId, standing.others]))
  const advancing = found.filter(({ position, standing }) => position.seq > standing.lastReadSeq)
  const moved =
    advancing.length === 0
      ? []
      : await raiseRead(
          deps.db,
          userId,
          advancing.map(({ position }) => position),
        )
  await announceRead(deps, userId, moved, conversationId => others.get(conversationId) ?? [])
  return { unread: await unreadCountsOf(deps, userId, [...others.keys()]), passedOver }
}

/** `markRead` for one conversation, by position, by message, or all of it. */
export const markConversationRead = async (
  deps: ReceiptDeps,
  { caller, conversationId, messageId, seq }: MarkRead & { caller: Viewer; conversationId: string },
): Promise<ReadUpTo> => {
  const standing = (await findStandings(deps.db, caller, [conversationId])).get(conversationId)
  if (!standing) throw conversationNotFound()
  const { joinedSeq, lastSeq, lastReadSeq } = standing
  const wanted =
    messageId === undefined ? (seq ?? lastSeq) : await findSeq(deps.db, { conversationId, messageId, joinedSeq })
  if (wanted === undefined) throw new Problem('not_found', 'There is no such message.')
  const { unread } = await markRead(deps, caller, [{ conversationId, seq: wanted }])
  return { lastReadSeq: Math.max(lastReadSeq, Math.min(wanted, lastSeq)), unreadCount: unread[conversationId] ?? 0 }
}

/** Throws `not_found` for a conversation that the user is not in. */
export const unreadCountOf = async (deps: ReceiptDeps, caller: Viewer, conversationId: string): Promise<number> => {
  await requireAccess(deps.db, conversationId, caller)
  return (await unreadCountsOf(deps, caller.id, [conversationId]))[conversationId] ?? 0
}

/** Reads everything everywhere; returns how many conversations had unread messages. */
export const markAllRead = async (deps: ReceiptDeps, userId: string): Promise<MarkedRead> => {
  const { conversations } = await unreadCounts(deps, userId)
  const ids = Object.keys(conversations)
  if (ids.length === 0) return { marked: 0 }
  const all = ids.map(conversationId => ({ conversationId, seq: Number.MAX_SAFE_INTEGER }))
  const standings = await findStandings(deps.db, { id: userId }, ids)
  const moved = await raiseRead(deps.db, userId, all)
  await announceRead(deps, userId, moved, conversationId => standings.get(conversationId)?.others ?? [])
  return { marked: moved.length }
}

/** Tells where a position is by now, after it moved more often than is told. */
export const announceCurrent = async (
  deps: ReceiptDeps,
  { kind, conversationId, userId, above }: ReceiptJob,
): Promise<void> => {
  const known =
    kind === 'delivered' ? (await deps.delivered.of([conversationId])).get(conversationId)?.get(userId) : undefined
  // Of a position that Redis has lost nobody knows whose messages it passed: everybody is told.
  const wanted = known === undefined ? { conversationId } : { conversationId, seq: known, above }
  const standing = (await findStandingsFor(deps.db, { id: userId }, [wanted])).get(conversationId)
  if (!standing) return
  const { lastReadSeq, lastDeliveredSeq, others } = standing
  const position = { kind, conversationId, userId, above }
  await announcePositions(deps, [
    kind === 'read'
      ? { ...position, seq: lastReadSeq, audience: [...others, userId] }
      : { ...position, seq: Math.max(lastDeliveredSeq, known ?? 0), audience: others },
  ])
}

/** How far a message has come with each of those it was for. Throws `not_found` for what the user may not see. */
export const messageReceipts = async (
  deps: ReceiptDeps,
  { caller, conversationId, messageId }: { caller: Viewer; conversationId: string; messageId: string },
): Promise<Receipt[]> => {
  const { me, others, isParticipant } = await requireAccess(deps.db, conversationId, caller)
  const reference = { conversationId, messageId, joinedSeq: me.joined_seq }
  const message = await findVisible(deps.db, reference, visibleAt(deps.clock.now()))
  if (!message) throw new Problem('not_found', 'There is no such message.')
  const participants = await withDelivered(deps.delivered, isParticipant ? [me, ...others] : others)
  return participants
    .filter(({ user_id, joined_seq }) => user_id !== message.sender_id && joined_seq < message.seq)
    .map(participant => ({ userId: participant.user_id, status: statusOf(message.seq, [participant]) }))
}
