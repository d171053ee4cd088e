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
import { audiencesOf, type Delivery, newestHeardOf } from './audience.ts'
import { type DeliveredPositions, storeDelivered, withDelivered } from './delivered.ts'
import type { ReceiptJob } from './receipt.jobs.ts'
import { findSeq, findStandings, type Position, raiseRead, type Standing } from './receipts.repository.ts'
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

interface Found {
  found: { position: Position; standing: Standing }[]
  /** Conversations that they may not speak of. */
  passedOver: string[]
}

const idsOf = (positions: readonly Position[]): string[] => positions.map(({ conversationId }) => conversationId)

/** The positions with where the caller stands, in the conversations that they may speak of; `not_found` when that is none of them. */
const foundIn = (standings: ReadonlyMap<string, Standing>, positions: readonly Position[]): Found => {
  const found = positions.flatMap(position => {
    const standing = standings.get(position.conversationId)
    return standing ? [{ position, standing }] : []
  })
  if (found.length === 0) throw conversationNotFound()
  const passedOver = idsOf(positions).filter(id => !standings.has(id))
  return { found, passedOver }
}

/** With who is to hear of each that is told at once: of the others a job finds out later. Never rejects. */
const placeDelivered = async (
  { db }: ReceiptDeps,
  moved: readonly (Delivery & { place: number })[],
): Promise<PlacedPosition[]> => {
  const atOnce = moved.filter(({ place }) => place === 1)
  const audiences = await audiencesOf(db, atOnce).catch((error: Error) => {
    logger.warn('Who sent what was delivered is not known: everybody is told', error)
    return atOnce.map(({ standing }) => standing.others)
  })
  const audienceOf = new Map(atOnce.map((position, index) => [position, audiences[index] ?? []]))
  return moved.map(position => {
    const { standing, userId, seq, above, place } = position
    const { conversationId } = standing
    return { kind: 'delivered', conversationId, userId, seq, above, place, audience: audienceOf.get(position) ?? [] }
  })
}

/**
 * Notes up to where a user holds everything. Never moves backwards, nor past the newest message; conversations that the user
 * is not in are passed over and returned, unless there is no other (`not_found`). Who sent some of it is told. Repeating it changes
 * nothing. One statement, a second one where several messages of several senders may have been delivered at once, and two Redis round
 * trips; while Redis is down a statement in their place, and nobody is told.
 */
export const markDelivered = async (
  deps: ReceiptDeps,
  caller: Viewer,
  positions: readonly Position[],
): Promise<{ passedOver: string[] }> => {
  const userId = caller.id
  const wanted = highest(positions)
  const { found, passedOver } = foundIn(await findStandings(deps.db, caller, idsOf(wanted)), wanted)
  const held = found.map(({ position: { conversationId, seq }, standing }) => {
    const { lastSeq } = standing
    return { conversationId, userId, seq: Math.min(seq, lastSeq), lastSeq, standing }
  })
  const advancing = held
    .filter(({ seq, standing }) => seq > standing.lastDeliveredSeq)
    .map(position => ({ ...position, toldOf: newestHeardOf(position) }))
  const noted = await inOneRoundTrip(deps.redis, trip =>
    Promise.all([deps.delivered.raise(advancing, trip), clearPending(trip, userId, held)]),
  ).catch(async (error: Error) => {
    logger.warn('Delivered positions go straight to Postgres', error)
    await storeDelivered(deps.db, advancing)
  })
  if (!noted) return { passedOver }
  const [raised, isNothingPending] = noted
  const moved = advancing.map((position, index) => {
    const { place, above } = raised[index] ?? { place: 0, above: 0 }
    // Redis knows better than Postgres, unless it was lost.
    return { ...position, place, above: Math.max(above, position.standing.lastDeliveredSeq) }
  })
  const placed = await placeDelivered(deps, moved)
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
  // Before Postgres is asked: a position that is known is of a message that is there, with its sender.
  const known =
    kind === 'delivered' ? (await deps.delivered.of([conversationId])).get(conversationId)?.get(userId) : undefined
  const standing = (await findStandings(deps.db, { id: userId }, [conversationId])).get(conversationId)
  if (!standing) return
  const { lastSeq, lastReadSeq, lastDeliveredSeq, others } = standing
  if (kind === 'read') {
    return announcePositions(deps, [{ kind, conversationId, userId, seq: lastReadSeq, audience: [...others, userId] }])
  }
  const seq = Math.max(lastDeliveredSeq, known ?? 0)
  const delivery = { standing, userId, above: above ?? lastDeliveredSeq, seq: Math.min(seq, lastSeq) }
  // Of a position that Redis has lost nobody knows whose messages it passed: everybody is told.
  const [audience = []] = known === undefined ? [others] : await audiencesOf(deps.db, [delivery])
  await announcePositions(deps, [{ kind, conversationId, userId, above, seq, audience }])
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
