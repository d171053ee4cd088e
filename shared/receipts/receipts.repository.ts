import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import { isOneOf } from '../database/is-one-of.ts'
import type { Database } from '../database/schema.ts'

export interface Position {
  conversationId: string
  seq: number
}

export interface Standing {
  conversationId: string
  lastSeq: number
  /** Who sent the newest message; null when that is not known. */
  lastSenderId: string | null
  joinedSeq: number
  lastReadSeq: number
  lastDeliveredSeq: number
  /** Everybody else who hears of it: the other participants, and of a business conversation the business. */
  others: string[]
  /** Of a business conversation. */
  businessId: string | null
}

/** One is compared as one: for a list Postgres makes a plan anew each time, because one that fits any list counts on ten. */
const isOneOrOneOf = (column: string, ids: readonly string[]): RawBuilder<SqlBool> =>
  ids.length === 1 ? sql<SqlBool>`${sql.ref(column)} = ${ids[0]}::uuid` : isOneOf(column, ids)

type Row = Omit<Standing, 'others'> & { participants: string[] }

const standingOf = ({ participants, ...row }: Row): Standing => ({
  ...row,
  others: row.businessId === null ? participants : [...participants, row.businessId],
})

/** Where a business stands in its own conversations: it has read everything, nothing is pending for it. */
const findStandingsOfBusiness = async (
  db: Kysely<Database>,
  { id, businessId }: Viewer,
  conversationIds: readonly string[],
): Promise<Standing[]> => {
  const { rows } = await sql<Row>`
    select conversations.id as "conversationId", conversations.last_seq as "lastSeq",
      conversations.last_sender_id as "lastSenderId", 0 as "joinedSeq",
      conversations.last_seq as "lastReadSeq", conversations.last_seq as "lastDeliveredSeq",
      array(
        select other.user_id from participants as other
        where other.conversation_id = conversations.id and other.left_at is null and other.user_id <> ${id}::uuid
      ) as participants,
      managed.business_id as "businessId"
    from business_conversations as managed join conversations on conversations.id = managed.conversation_id
    where ${isOneOrOneOf('managed.conversation_id', conversationIds)} and managed.business_id = ${businessId}::uuid`.execute(
    db,
  )
  return rows.map(standingOf)
}

/**
 * Where a viewer stands in those of these conversations in which they are a participant now, or which they manage: one
 * primary-key look-up each, and one statement more for a business that looks at what it is no participant of.
 */
export const findStandings = async (
  db: Kysely<Database>,
  viewer: Viewer,
  conversationIds: readonly string[],
): Promise<Map<string, Standing>> => {
  const { rows } = await sql<Row>`
    select me.conversation_id as "conversationId", conversations.last_seq as "lastSeq",
      conversations.last_sender_id as "lastSenderId", me.joined_seq as "joinedSeq",
      me.last_read_seq as "lastReadSeq", me.last_delivered_seq as "lastDeliveredSeq",
      array(
        select other.user_id from participants as other
        where other.conversation_id = me.conversation_id and other.left_at is null and other.user_id <> me.user_id
      ) as participants,
      case when conversations.type = 'business' then
        (select chat.business_id from business_conversations as chat where chat.conversation_id = me.conversation_id)
      end as "businessId"
    from participants as me join conversations on conversations.id = me.conversation_id
    where ${isOneOrOneOf('me.conversation_id', conversationIds)} and me.user_id = ${viewer.id}::uuid and me.left_at is null`.execute(
    db,
  )
  const standings = new Map(rows.map(row => [row.conversationId, standingOf(row)]))
  const unknown = conversationIds.filter(id => !standings.has(id))
  if (viewer.businessId === undefined || unknown.length === 0) return standings
  for (const standing of await findStandingsOfBusiness(db, viewer, unknown)) {
    standings.set(standing.conversationId, standing)
  }
  return standings
}

/** Messages of a conversation above one position and through another. */
export interface Span {
  conversationId: string
  above: number
  through: number
}

/** Who sent the messages of these spans, each of another conversation: one statement, none for none. */
export const findSenders = async (db: Kysely<Database>, spans: readonly Span[]): Promise<Map<string, Set<string>>> => {
  if (spans.length === 0) return new Map()
  const { rows } = await sql<{ conversationId: string; senders: string[] }>`
    select span.id as "conversationId", array(
      select distinct messages.sender_id from messages
      where messages.conversation_id = span.id and messages.seq > span.above and messages.seq <= span.through
    ) as senders
    from unnest(
      ${spans.map(({ conversationId }) => conversationId)}::uuid[], ${spans.map(({ above }) => above)}::bigint[],
      ${spans.map(({ through }) => through)}::bigint[]
    ) as span (id, above, through)`.execute(db)
  return new Map(rows.map(({ conversationId, senders }) => [conversationId, new Set(senders)]))
}

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
