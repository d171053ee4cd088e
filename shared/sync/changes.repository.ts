import { type Kysely, type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import type { ConversationRow } from '../conversations/conversations.repository.ts'
import { isOneOf } from '../database/is-one-of.ts'
import type { ConversationsTable, Database } from '../database/schema.ts'
import { isSentAfter } from '../messages/is-sent-after.ts'
import { type MessageStore, openRows, type SealedRow } from '../messages/message-body.ts'
import type { MessageRow } from '../messages/messages.repository.ts'
import type { Snapshot } from './snapshot.ts'
import type { PagePosition } from './sync-token.ts'

/** What committed after one snapshot was taken and before another. */
export interface Window {
  lower: Snapshot
  upper: Snapshot
}

const lowestId = '00000000-0000-0000-0000-000000000000'

const seenBy = (snapshot: Snapshot, column: string): RawBuilder<SqlBool> =>
  sql`pg_visible_in_snapshot(${sql.ref(column)}, ${snapshot}::pg_snapshot)`

/** The comparison says nothing new, but an index can serve it. */
const changedAfter = (snapshot: Snapshot, column: string): RawBuilder<SqlBool> =>
  sql`(${sql.ref(column)} >= pg_snapshot_xmin(${snapshot}::pg_snapshot) and not ${seenBy(snapshot, column)})`

const changedIn = ({ lower, upper }: Window, column: string): RawBuilder<SqlBool> =>
  sql`(${changedAfter(lower, column)} and ${seenBy(upper, column)})`

/** The history that the database is in, and what has committed by now. */
export const readMoment = async (db: Kysely<Database>): Promise<{ epoch: string; snapshot: Snapshot }> => {
  const { rows } = await sql<{ epoch: string; snapshot: Snapshot }>`
    select id as epoch, pg_current_snapshot()::text as snapshot from sync_epoch`.execute(db)
  const [row] = rows
  if (!row) throw new Error('sync_epoch is empty')
  return row
}

export interface Scope {
  viewer: Viewer
  window: Window
}

/**
 * What a viewer is part of: since when, and from where on. A business that is no participant of a conversation of its own has
 * all of it, since ever.
 */
const partsOf = ({ id, businessId }: Viewer): RawBuilder<unknown> => {
  const own = sql`
    select conversation_id, joined_seq, joined_xid from participants where user_id = ${id}::uuid and left_at is null`
  if (businessId === undefined) return own
  return sql`${own} union all
    select chat.conversation_id, 0, '3'::xid8 from business_conversations as chat
    where chat.business_id = ${businessId}::uuid and not exists (
      select from participants
      where participants.conversation_id = chat.conversation_id and user_id = ${id}::uuid and left_at is null
    )`
}

export type ChangedConversation = ConversationRow & {
  /** The conversation or one of its participants changed in the window, not only its messages. */
  is_changed: boolean
}

/**
 * Those of a viewer's conversations that may have something in the window, in the order of their ids, from a position on. Whatever
 * is in the window is in one of them, also on later pages: a row that changes again after the window keeps its conversation
 * among them. One that the user joined after the window is not: all of it comes with the next. Looks at each conversation of the
 * viewer.
 */
export const findChangedConversations = async (
  db: Kysely<Database>,
  { viewer, window }: Scope,
  from: PagePosition | undefined,
  limit: number,
): Promise<ChangedConversation[]> => {
  const isNext = from && !from.within ? sql`>` : sql`>=`
  const { rows } = await sql<Selectable<ConversationsTable> & { is_changed: boolean }>`
    select conversations.*, (
      ${changedIn(window, 'me.joined_xid')} or ${changedIn(window, 'conversations.changed_xid')} or exists (
        select from participants as anyone
        where anyone.conversation_id = me.conversation_id and ${changedIn(window, 'anyone.changed_xid')}
      )
    ) as is_changed
    from (${partsOf(viewer)}) as me join conversations on conversations.id = me.conversation_id
    where ${seenBy(window.upper, 'me.joined_xid')}
      and me.conversation_id ${isNext} ${from?.conversationId ?? lowestId}::uuid
      and (
        ${changedAfter(window.lower, 'me.joined_xid')} or ${changedAfter(window.lower, 'conversations.changed_xid')}
        or exists (
          select from participants as anyone
          where anyone.conversation_id = me.conversation_id and ${changedAfter(window.lower, 'anyone.changed_xid')}
        )
        or exists (
          select from messages
          where messages.conversation_id = me.conversation_id and messages.deleted_at is not null
            and messages.seq > me.joined_seq and ${changedIn(window, 'messages.changed_xid')}
        )
      )
    order by me.conversation_id
    limit ${limit}`.execute(db)
  return rows
}

/** A message that is new or deleted, and up to where its conversation was before the window. */
export type ChangedMessage = MessageRow & { boundary: number }

/**
 * New and deleted messages that the user may see, by conversation and `seq`.
 *
 * In a conversation the order of `seq` is the order of commits, so what is new lies behind the newest message that the lower
 * snapshot sees; that one is found from the newest backwards, hence no index on what every send changes. Deletions come in any
 * order; an index of their own finds them. To who joined in the window, everything is new that they may see.
 */
export const findChangedMessages = async (
  store: MessageStore,
  { viewer, window }: Scope,
  {
    conversationIds,
    from,
    sentSince,
    limit,
  }: { conversationIds: readonly string[]; from: PagePosition | undefined; sentSince: Date; limit: number },
): Promise<ChangedMessage[]> => {
  const continued = from?.within ? { ...from.within, id: from.conversationId } : { id: null, seq: 0, boundary: 0 }
  const columns = sql`id, conversation_id, seq, sender_id, type, key_id, body, content, metadata, sent_at, deleted_at`
  // `offset 0` keeps the search for the boundary from being done anew for each message.
  const { rows } = await sql<SealedRow & { boundary: number }>`
    select changed.*, start.boundary
    from (${partsOf(viewer)}) as me
    cross join lateral (
      select
        case when me.conversation_id = ${continued.id}::uuid then greatest(me.joined_seq, ${continued.seq}::bigint)
          else me.joined_seq end as seq,
        case when me.conversation_id = ${continued.id}::uuid then ${continued.boundary}::bigint
          when ${seenBy(window.lower, 'me.joined_xid')} then coalesce((
            select known.seq from messages as known
            where known.conversation_id = me.conversation_id and known.seq > me.joined_seq
              and ${seenBy(window.lower, 'known.changed_xid')}
            order by known.seq desc limit 1
          ), me.joined_seq)
          else me.joined_seq end as boundary
      offset 0
    ) as start
    cross join lateral (
      (
        select ${columns} from messages
        where conversation_id = me.conversation_id and seq > greatest(start.seq, start.boundary)
          and deleted_at is null and ${isSentAfter('sent_at', sentSince)} and ${seenBy(window.upper, 'changed_xid')}
        order by seq limit ${limit}
      ) union all (
        select ${columns} from messages
        where conversation_id = me.conversation_id and seq > start.seq
          and deleted_at is not null and ${isSentAfter('sent_at', sentSince)} and ${changedIn(window, 'changed_xid')}
        order by seq limit ${limit}
      )
    ) as changed
    where ${isOneOf('me.conversation_id', conversationIds)} and ${seenBy(window.upper, 'me.joined_xid')}
    order by me.conversation_id, changed.seq
    limit ${limit}`.execute(store.db)
  return openRows(store, rows)
}

/** Read positions that moved in the window, of whoever is in these conversations. */
export const findReads = async (
  db: Kysely<Database>,
  window: Window,
  conversationIds: readonly string[],
): Promise<{ conversation_id: string; user_id: string; last_read_seq: number }[]> =>
  db
    .selectFrom('participants')
    .select(['conversation_id', 'user_id', 'last_read_seq'])
    .where(isOneOf('conversation_id', conversationIds))
    .where('left_at', 'is', null)
    .where(changedIn(window, 'read_xid'))
    .orderBy('conversation_id')
    .orderBy('user_id')
    .execute()

/**
 * Conversations in which the user's part ended in the window, also when they have joined again since; but for those of the
 * business that they manage, of which they still see all.
 */
export const findLeft = async (
  db: Kysely<Database>,
  { viewer: { id, businessId }, window }: Scope,
): Promise<string[]> => {
  const rows = await db
    .selectFrom('participants')
    .select('conversation_id')
    .where('user_id', '=', id)
    .where(changedIn(window, 'left_xid'))
    .$if(businessId !== undefined, query =>
      query.where(
        sql<boolean>`not exists (
          select from business_conversations as chat
          where chat.conversation_id = participants.conversation_id and chat.business_id = ${businessId}::uuid
        )`,
      ),
    )
    .orderBy('conversation_id')
    .execute()
  return rows.map(row => row.conversation_id)
}
