import type { Kysely } from 'kysely'
import type { Database } from '../database/schema.ts'
import { findSenders, type Standing } from './receipts.repository.ts'

/** Past so many messages it is not worth a look who sent them: everybody else is told. */
const mostLookedThrough = 100

/** A delivered position. */
export interface Held {
  standing: Standing
  /** Whose position it is. */
  userId: string
  /** The newest message at most. */
  seq: number
}

/** One that moved, and from where. */
export interface Delivery extends Held {
  above: number
}

/**
 * The newest message that somebody may have to hear of, as far as it shows without a look at the messages; 0 when there is nobody.
 * A business hears of all.
 */
export const newestHeardOf = ({ standing, userId, seq }: Held): number => {
  const { lastSeq, lastSenderId, others, businessId } = standing
  if (others.length === 0) return 0
  return businessId === null && seq === lastSeq && lastSenderId === userId ? seq - 1 : seq
}

/** Null when the messages have to be looked at. */
const audienceWithoutLook = ({ standing, above, seq }: Delivery): readonly string[] | null => {
  const { lastSeq, lastSenderId, others, businessId } = standing
  if (seq <= above) return []
  if (others.length === 0 || seq - above > mostLookedThrough) return others
  if (seq !== lastSeq || lastSenderId === null) return null
  const hearing = others.filter(id => id === businessId || id === lastSenderId)
  return seq - above === 1 || hearing.length === others.length ? hearing : null
}

/**
 * Who is to hear of each of these: those of the others who sent some of what was delivered, and of a business conversation the
 * business. No statement where it was one message, or the only other one sent the newest; one for all the rest.
 */
export const audiencesOf = async (
  db: Kysely<Database>,
  deliveries: readonly Delivery[],
): Promise<(readonly string[])[]> => {
  const known = deliveries.map(audienceWithoutLook)
  const unknown = deliveries.filter((_, index) => known[index] === null)
  const sendersOf = await findSenders(
    db,
    unknown.map(({ standing, above, seq }) => ({ conversationId: standing.conversationId, above, through: seq })),
  )
  return deliveries.map(({ standing: { conversationId, others, businessId } }, index) => {
    const senders = sendersOf.get(conversationId)
    return known[index] ?? others.filter(id => id === businessId || senders?.has(id))
  })
}
