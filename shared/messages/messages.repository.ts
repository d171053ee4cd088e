import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import { isOneOf } from '../database/is-one-of.ts'
import type { Database } from '../database/schema.ts'
import type { ContentKey } from '../encryption/content-keys.ts'
import { isSentAfter } from './is-sent-after.ts'
import { type MessageBody, type MessageStore, type Opened, openRows, type SealedRow, sealBody } from './message-body.ts'
import type { VisibleSince } from './retention.ts'

/** What is read of a message, opened. */
export type MessageRow = Opened<SealedRow>

const columns = [
  'messages.id',
  'messages.conversation_id',
  'messages.seq',
  'messages.sender_id',
  'messages.type',
  'messages.key_id',
  'messages.body',
  'messages.content',
  'messages.metadata',
  'messages.sent_at',
  'messages.deleted_at',
] as const

export interface NewMessage extends MessageBody {
  id: string
  conversationId: string
  senderId: string
  /** The business that the sender manages: in its conversations they need not be a participant. */
  businessId?: string | undefined
  /** `system` comes from the service: its sender is nobody who has to be a participant. */
  type: 'text' | 'system'
}

export interface StoredMessage {
  seq: number
  sentAt: Date
  /** Every participant, the sender among them. */
  recipients: string[]
  /** Of a business conversation. */
  businessId: string | null
}

/**
 * Stores a message, encrypted, as the next of its conversation, in one statement and so at once or not at all. Rejects with
 * SQLSTATE KC404 when the sender is not a participant, with KC409 when a customer writes in a business conversation that is
 * closed, and with 23505 when the id is stored already; none of them uses up a `seq`.
 */
export const insertMessage = async (
  db: Kysely<Database>,
  { id: keyId, key }: ContentKey,
  message: NewMessage,
  now: Date,
): Promise<StoredMessage> => {
  const { id, conversationId, senderId, businessId, type } = message
  const body = sealBody(key, { id, conversation_id: conversationId }, message)
  const { rows } = await sql<{ seq: number; sent_at: Date; recipients: string[]; business_id: string | null }>`
    select seq, sent_at, recipients, business_id from send_message(
      ${id}::uuid, ${conversationId}::uuid, ${senderId}::uuid, ${type}, ${keyId}::int, ${body}::bytea,
      ${now}::timestamptz, ${businessId ?? null}::uuid
    )`.execute(db)
  const [row] = rows
  if (!row) throw new Error('send_message returned no row')
  return { seq: row.seq, sentAt: row.sent_at, recipients: row.recipients, businessId: row.business_id }
}

/** Whether there is a message with this id, whoever may see it. */
export const isStored = async (db: Kysely<Database>, id: string): Promise<boolean> =>
  (await db.selectFrom('messages').select('id').where('id', '=', id).executeTakeFirst()) !== undefined

/** Any message by its id, whoever may see it. */
export const findStored = async (store: MessageStore, id: string): Promise<MessageRow | undefined> => {
  const rows = await store.db.selectFrom('messages').select(columns).where('messages.id', '=', id).execute()
  const [row] = await openRows(store, rows)
  return row
}

/** Neither past retention, nor deleted longer ago than a deletion shows. */
export const isVisible = (since: VisibleSince) => (eb: ExpressionBuilder<Database, 'messages'>) =>
  eb.and([
    isSentAfter('messages.sent_at', since.sent),
    eb.or([eb('messages.deleted_at', 'is', null), eb('messages.deleted_at', '>', since.deleted)]),
  ])

/** A message, as somebody sees it who joined its conversation behind this position. */
export interface VisibleReference {
  conversationId: string
  messageId: string
  joinedSeq: number
}

const visible = (
  db: Kysely<Database>,
  { conversationId, messageId, joinedSeq }: VisibleReference,
  since: VisibleSince,
) =>
  db
    .selectFrom('messages')
    .where('messages.id', '=', messageId)
    .where('messages.conversation_id', '=', conversationId)
    .where('messages.seq', '>', joinedSeq)
    .where(isVisible(since))

/** What is around a message that this participant may see. */
export const findVisible = (
  db: Kysely<Database>,
  reference: VisibleReference,
  since: VisibleSince,
): Promise<Pick<MessageRow, 'seq' | 'sender_id'> | undefined> =>
  visible(db, reference, since).select(['messages.seq', 'messages.sender_id']).executeTakeFirst()

/** A message that this participant may see. */
export const readVisible = async (
  store: MessageStore,
  reference: VisibleReference,
  since: VisibleSince,
): Promise<MessageRow | undefined> => {
  const [row] = await openRows(store, await visible(store.db, reference, since).select(columns).execute())
  return row
}

/** Up to `limit` messages of a conversation on one side of a position. */
export interface MessageRange {
  conversationId: string
  above: number
  below?: number | undefined
  direction: 'asc' | 'desc'
  limit: number
}

/** As they are stored, nearest first. */
export const findMessages = (db: Kysely<Database>, range: MessageRange, since: VisibleSince): Promise<SealedRow[]> =>
  db
    .selectFrom('messages')
    .select(columns)
    .where('messages.conversation_id', '=', range.conversationId)
    .where('messages.seq', '>', range.above)
    .$if(range.below !== undefined, query => query.where('messages.seq', '<', range.below ?? 0))
    .where(isVisible(since))
    .orderBy('messages.seq', range.direction)
    .limit(range.limit)
    .execute()

/** The same, opened. */
export const listMessages = async (
  store: MessageStore,
  range: MessageRange,
  since: VisibleSince,
): Promise<MessageRow[]> => openRows(store, await findMessages(store.db, range, since))

/**
 * The newest message of each of these conversations behind the user's joining, as it is stored; where they are no participant,
 * of all there are: whether they may see it is for the caller to know.
 */
export const findNewest = async (
  db: Kysely<Database>,
  { userId, conversationIds }: { userId: string; conversationIds: readonly string[] },
  since: VisibleSince,
): Promise<SealedRow[]> => {
  const { rows } = await sql<SealedRow>`
    select newest.* from unnest(${conversationIds}::uuid[]) as wanted (id)
      left join participants as me
        on me.conversation_id = wanted.id and me.user_id = ${userId}::uuid and me.left_at is null
      cross join lateral (
        select id, conversation_id, seq, sender_id, type, key_id, body, content, metadata, sent_at, deleted_at from messages
        where conversation_id = wanted.id and seq > coalesce(me.joined_seq, 0)
          and ${isSentAfter('sent_at', since.sent)} and (deleted_at is null or deleted_at > ${since.deleted})
        order by seq desc limit 1
      ) as newest`.execute(db)
  return rows
}

/** Counting stops here; beyond it a client shows "1000+" anyway. */
export const unreadCap = 1_000

/**
 * How many unread messages of others the user may see in each of these conversations, counted up to `unreadCap` + 1, and when the
 * oldest of those was sent.
 */
export const findUnread = (
  db: Kysely<Database>,
  { userId, conversationIds }: { userId: string; conversationIds: readonly string[] },
  since: VisibleSince,
): Promise<{ conversation_id: string; unread_count: number; oldest_sent_at: Date | null }[]> =>
  db
    .selectFrom('participants')
    .innerJoinLateral(
      eb =>
        eb
          .selectFrom(
            eb
              .selectFrom('messages')
              .select('messages.sent_at')
              .whereRef('messages.conversation_id', '=', 'participants.conversation_id')
              .whereRef('messages.seq', '>', 'participants.last_read_seq')
              .where('messages.sender_id', '<>', userId)
              .where('messages.deleted_at', 'is', null)
              .where(isSentAfter('messages.sent_at', since.sent))
              .limit(unreadCap + 1)
              .as('unread'),
          )
          .select([
            eb.fn.countAll<number>().as('unread_count'),
            sql<Date | null>`min(unread.sent_at)`.as('oldest_sent_at'),
          ])
          .as('counted'),
      join => join.onTrue(),
    )
    .select(['participants.conversation_id', 'counted.unread_count', 'counted.oldest_sent_at'])
    .where('participants.user_id', '=', userId)
    .where(isOneOf('participants.conversation_id', conversationIds))
    .execute()

/** How many unread messages there are in each of these conversations, counted up to `unreadCap` + 1. */
export const countUnread = async (...wanted: Parameters<typeof findUnread>): Promise<Map<string, number>> =>
  new Map((await findUnread(...wanted)).map(row => [row.conversation_id, row.unread_count]))

/**
 * Deletes once: a second call, or one for a message that is gone, changes nothing and returns undefined. The row of its
 * conversation is written anew, so that its `xmin` tells caches of the deletion, as it does of a send.
 */
export const markDeleted = async (
  db: Kysely<Database>,
  { conversationId, messageId }: { conversationId: string; messageId: string },
  now: Date,
): Promise<{ seq: number } | undefined> => {
  const { rows } = await sql<{ seq: number }>`
    with deleted as (
      update messages
        set deleted_at = ${now}, key_id = null, body = null, content = null, metadata = null,
            changed_xid = pg_current_xact_id()
        where id = ${messageId}::uuid and conversation_id = ${conversationId}::uuid and deleted_at is null
        returning seq, conversation_id
    ), written as (
      update conversations set last_seq = last_seq where id in (select conversation_id from deleted)
    )
    select seq from deleted`.execute(db)
  return rows[0]
}
