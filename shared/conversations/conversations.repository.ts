import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import { isOneOf } from '../database/is-one-of.ts'
import type { ConversationsTable, ConversationType, Database } from '../database/schema.ts'
import { currentTransaction } from '../database/transaction-id.ts'
import { participantColumns } from './participants.repository.ts'

export type ConversationRow = Selectable<Omit<ConversationsTable, 'changed_xid' | 'last_sender_id'>>

const columns = [
  'conversations.id',
  'conversations.type',
  'conversations.name',
  'conversations.direct_low',
  'conversations.direct_high',
  'conversations.created_by',
  'conversations.created_at',
  'conversations.last_seq',
  'conversations.last_message_id',
  'conversations.last_activity_at',
] as const

export const findConversation = (db: Kysely<Database>, id: string): Promise<ConversationRow | undefined> =>
  db.selectFrom('conversations').select(columns).where('id', '=', id).executeTakeFirst()

/**
 * A conversation, and who is in it now, in order of joining, both of the same moment: one row for each participant, and one without
 * any when nobody is in it.
 */
export const findWithParticipants = (db: Kysely<Database>, id: string) =>
  db
    .selectFrom('conversations')
    .leftJoin('participants', join =>
      join.onRef('participants.conversation_id', '=', 'conversations.id').on('participants.left_at', 'is', null),
    )
    .select([...columns, ...participantColumns])
    .where('conversations.id', '=', id)
    .orderBy('participants.joined_at')
    .orderBy('participants.user_id')
    .execute()

/** Another one whenever messages came or were deleted: the transaction that last wrote the conversation's row. */
export const findVersion = async (db: Kysely<Database>, id: string): Promise<string | undefined> => {
  const row = await db
    .selectFrom('conversations')
    .select(sql<string>`xmin::text`.as('version'))
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.version
}

/** Those of these conversations that exist, in no order. */
export const listConversationsById = (db: Kysely<Database>, ids: readonly string[]): Promise<ConversationRow[]> =>
  db.selectFrom('conversations').select(columns).where(isOneOf('conversations.id', ids)).execute()

/**
 * The conversation, locked until the transaction ends. Whatever changes its members or roles takes this lock first, as each
 * send does, so a send sees either all of the change or nothing of it.
 */
export const lockConversation = (trx: Transaction<Database>, id: string): Promise<ConversationRow | undefined> =>
  trx.selectFrom('conversations').select(columns).where('id', '=', id).forNoKeyUpdate().executeTakeFirst()

/** The two users of a direct conversation in the order of the pair's unique key. */
export const pairOf = (userId: string, otherId: string): { direct_low: string; direct_high: string } =>
  userId < otherId ? { direct_low: userId, direct_high: otherId } : { direct_low: otherId, direct_high: userId }

export const findDirect = (
  db: Kysely<Database>,
  userId: string,
  otherId: string,
): Promise<ConversationRow | undefined> => {
  const { direct_low, direct_high } = pairOf(userId, otherId)
  return db
    .selectFrom('conversations')
    .select(columns)
    .where('direct_low', '=', direct_low)
    .where('direct_high', '=', direct_high)
    .executeTakeFirst()
}

export type NewConversation = Pick<ConversationRow, 'id' | 'type' | 'name' | 'created_by'> &
  Partial<Pick<ConversationRow, 'direct_low' | 'direct_high'>>

/**
 * Stores a conversation unless its id or its pair is there already; then returns undefined, after having waited for the
 * transaction that made it.
 */
export const insertConversation = (
  trx: Transaction<Database>,
  conversation: NewConversation,
  now: Date,
): Promise<ConversationRow | undefined> =>
  trx
    .insertInto('conversations')
    .values({
      direct_low: null,
      direct_high: null,
      ...conversation,
      created_at: now,
      last_message_id: null,
      last_activity_at: now,
      changed_xid: currentTransaction(),
    })
    .onConflict(conflict => conflict.doNothing())
    .returning(columns)
    .executeTakeFirst()

export const renameConversation = async (trx: Transaction<Database>, id: string, name: string): Promise<void> => {
  await trx.updateTable('conversations').set({ name, changed_xid: currentTransaction() }).where('id', '=', id).execute()
}

export interface ListFilter {
  userId: string
  type?: ConversationType | undefined
  /** Only conversations behind this one in the order of the list. */
  behind?: { lastActivityAt: Date; id: string } | undefined
  limit: number
}

export type ListedConversation = ConversationRow & {
  /**
   * Another one whenever messages came or were deleted, or the user joined or read: the transactions that last wrote the
   * conversation's row and, but for what is delivered, the user's own.
   */
  version: string
}

/** A user's conversations, newest activity first. */
export const listConversations = (db: Kysely<Database>, filter: ListFilter): Promise<ListedConversation[]> =>
  db
    .selectFrom('participants')
    .innerJoin('conversations', 'conversations.id', 'participants.conversation_id')
    .select(columns)
    .select(sql<string>`conversations.xmin || ' ' || participants.changed_xid`.as('version'))
    .where('participants.user_id', '=', filter.userId)
    .where('participants.left_at', 'is', null)
    .$if(filter.type !== undefined, query => query.where('conversations.type', '=', filter.type ?? 'direct'))
    .$if(filter.behind !== undefined, query =>
      query.where(
        sql<boolean>`(conversations.last_activity_at, conversations.id)
          < (${filter.behind?.lastActivityAt}::timestamptz, ${filter.behind?.id}::uuid)`,
      ),
    )
    .orderBy('conversations.last_activity_at', 'desc')
    .orderBy('conversations.id', 'desc')
    .limit(filter.limit)
    .execute()
