import { type Kysely, sql } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import type { Database } from '../database/schema.ts'

export interface Position {
  conversationId: string
  seq: number
}

export interface Standing {
  conversationId: string
  lastSeq: number
  joinedSeq: number
  lastReadSeq: number
  lastDeliveredSeq: number
  /** Everybody else who hears of it: the other participants, and of a business conversation the business. */
  others: string[]
}

/** Past so many messages it is not worth a look who sent them: everybody else is told. */
const mostLookedThrough = 100

/** Whose standing is asked for, and which of the others are to hear of it: everybody, unless a position was delivered. */
export interface Wanted {
  conversationId: string
  /** Delivered up to this one: only who sent some of it shows that. */
  seq?: number | undefined
  /** And above this one; by default above what Postgres has as delivered. */
  above?: number | undefined
}

/** With those of the others who are to hear of it. */
export interface AudibleStanding extends Standing {
  /** For each of `others` the newest delivered message that they are to hear of: their own, or of all for who hears of it in any case. */
  newest: number[]
}

const ofBusiness = (conversationId: string) => sql`
  select chat.business_id from business_conversations as chat
  where chat.conversation_id = ${sql.ref(conversationId)} and conversations.type = 'business'`

/** Where a business stands in its own conversations: it has read everything, nothing is pending for it. */
const findStandingsOfBusiness = async (
  db: Kysely<Database>,
  { id, businessId }: Viewer,
  conversationIds: readonly string[],
): Promise<AudibleStanding[]> => {
  const { rows } = await sql<Standing>`
    select conversations.id as "conversationId", conversations.last_seq as "lastSeq", 0 as "joinedSeq",
      conversations.last_seq as "lastReadSeq", conversations.last_seq as "lastDeliveredSeq",
      array(
        select other.user_id from participants as other
        where other.conversation_id = conversations.id and other.left_at is null and other.user_id <> ${id}::uuid
        union all ${ofBusiness('conversations.id')}
      ) as others
    from business_conversations as managed join conversations on conversations.id = managed.conversation_id
    where managed.conversation_id = any(${conversationIds}::uuid[]) and managed.business_id = ${businessId}::uuid`.execute(
    db,
  )
  return rows.map(row => ({ ...row, newest: row.others.map(() => row.lastSeq) }))
}

/**
 * Where a viewer stands in those of these conversations in which they are a participant now, or which they manage: one
 * primary-key look-up each, one of the messages that were delivered, and one statement more for a business that looks at what it is no
 * participant of.
 */
export const findStandingsFor = async (
  db: Kysely<Database>,
  viewer: Viewer,
  wanted: readonly Wanted[],
): Promise<Map<string, AudibleStanding>> => {
  const ids = wanted.map(({ conversationId }) => conversationId)
  const { rows } = await sql<AudibleStanding>`
    select me.conversation_id as "conversationId", conversations.last_seq as "lastSeq", me.joined_seq as "joinedSeq",
      me.last_read_seq as "lastReadSeq", me.last_delivered_seq as "lastDeliveredSeq", audience.others, audience.newest
    from participants as me
      join conversations on conversations.id = me.conversation_id
      cross join lateral (select array_position(${ids}::uuid[], me.conversation_id) as place) as listed
      cross join lateral (
        select (${wanted.map(({ seq }) => seq ?? null)}::bigint[])[place] as seq,
          (${wanted.map(({ above }) => above ?? null)}::bigint[])[place] as above
      ) as given
      cross join lateral (
        select coalesce(given.above, me.last_delivered_seq) as above, least(given.seq, conversations.last_seq) as through
      ) as span
      cross join lateral (
        select given.seq is null or span.through - span.above > ${mostLookedThrough}::int as is_everybody
      ) as told
      cross join lateral (
        select coalesce(array_agg(each.user_id), '{}') as others,
          coalesce(array_agg(each.newest::double precision), '{}') as newest
        from (
          select other.user_id, span.through as newest
          from participants as other
          where told.is_everybody and other.conversation_id = me.conversation_id and other.left_at is null
            and other.user_id <> me.user_id
          union all
          select other.user_id, sent.newest
          from (
            select messages.sender_id, max(messages.seq) as newest
            from messages
            where not told.is_everybody and messages.conversation_id = me.conversation_id
              and messages.seq > span.above and messages.seq <= span.through and messages.sender_id <> me.user_id
            group by messages.sender_id
          ) as sent
            join participants as other on other.conversation_id = me.conversation_id
              and other.user_id = sent.sender_id and other.left_at is null
          union all
          select business_id, span.through from (${ofBusiness('me.conversation_id')}) as business
        ) as each
      ) as audience
    where me.conversation_id = any(${ids}::uuid[]) and me.user_id = ${viewer.id}::uuid and me.left_at is null`.execute(
    db,
  )
  const standings = new Map(rows.map(row => [row.conversationId, row]))
  const unknown = ids.filter(id => !standings.has(id))
  if (viewer.businessId === undefined || unknown.length === 0) return standings
  for (const row of await findStandingsOfBusiness(db, viewer, unknown)) standings.set(row.conversationId, row)
  return standings
}

/** The same, with everybody else as those who are to hear of it. */
export const findStandings = (
  db: Kysely<Database>,
  viewer: Viewer,
  conversationIds: readonly string[],
): Promise<Map<string, Standing>> =>
  findStandingsFor(
    db,
    viewer,
    conversationIds.map(conversationId => ({ conversationId })),
  )

/**
 * Moves a user's read positions forward, to the newest message at most, in one statement; returns those that moved. The rows
 * are locked in the order of their key.
 */
export const raiseRead = async (
  db: Kysely<Database>,
  userId: string,
  positions: readonly Position[],
): Promise<Position[]> => {
  const { rows } = await sql<Position>`
    with given as (
      select * from unnest(
        ${positions.map(({ conversationId }) => conversationId)}::uuid[], ${positions.map(({ seq }) => seq)}::bigint[]
      ) as given (conversation_id, seq)
    ), locked as (
      select participants.conversation_id, least(given.seq, conversations.last_seq) as seq
      from participants
        join given using (conversation_id)
        join conversations on conversations.id = participants.conversation_id
      where participants.user_id = ${userId}::uuid and participants.left_at is null
        and participants.last_read_seq < least(given.seq, conversations.last_seq)
      order by participants.conversation_id
      for no key update of participants
    )
    update participants
      set last_read_seq = greatest(participants.last_read_seq, locked.seq), changed_xid = pg_current_xact_id()
    from locked
    where participants.conversation_id = locked.conversation_id and participants.user_id = ${userId}::uuid
    returning participants.conversation_id as "conversationId", participants.last_read_seq as seq`.execute(db)
  return rows
}

/** The `seq` of a message that the user may see, in this conversation. */
export const findSeq = async (
  db: Kysely<Database>,
  { conversationId, messageId, joinedSeq }: { conversationId: string; messageId: string; joinedSeq: number },
): Promise<number | undefined> => {
  const row = await db
    .selectFrom('messages')
    .select('seq')
    .where('id', '=', messageId)
    .where('conversation_id', '=', conversationId)
    .where('seq', '>', joinedSeq)
    .executeTakeFirst()
  return row?.seq
}
