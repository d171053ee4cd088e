import type { Kysely, Selectable, Transaction } from 'kysely'
import { isOneOf } from '../database/is-one-of.ts'
import type { Database, ParticipantRole, ParticipantsTable } from '../database/schema.ts'
import { currentTransaction } from '../database/transaction-id.ts'

export type ParticipantRow = Selectable<Omit<ParticipantsTable, 'changed_xid'>>

/** None of them has the name of a column of `conversations`. */
export const participantColumns = [
  'participants.conversation_id',
  'participants.user_id',
  'participants.role',
  'participants.joined_at',
  'participants.left_at',
  'participants.joined_seq',
  'participants.last_read_seq',
  'participants.last_delivered_seq',
  'participants.is_muted',
  'participants.muted_until',
] as const

/** Who is in these conversations now, in order of joining. */
export const listParticipants = (db: Kysely<Database>, conversationIds: readonly string[]): Promise<ParticipantRow[]> =>
  db
    .selectFrom('participants')
    .select(participantColumns)
    .where(isOneOf('conversation_id', conversationIds))
    .where('left_at', 'is', null)
    .orderBy('joined_at')
    .orderBy('user_id')
    .execute()

export interface Joining {
  conversationId: string
  /** In the order in which they are to be listed. */
  users: readonly { userId: string; role: ParticipantRole }[]
  /** What they see begins behind this position. */
  joinedSeq: number
}

/** Lets users in, also such who had left: they start anew. All that came before counts as read and delivered. */
export const insertParticipants = (
  trx: Transaction<Database>,
  { conversationId, users, joinedSeq }: Joining,
  now: Date,
): Promise<ParticipantRow[]> =>
  trx
    .insertInto('participants')
    .values(
      users.map(({ userId, role }) => ({
        conversation_id: conversationId,
        user_id: userId,
        role,
        joined_at: now,
        left_at: null,
        joined_seq: joinedSeq,
        last_read_seq: joinedSeq,
        last_delivered_seq: joinedSeq,
        muted_until: null,
        changed_xid: currentTransaction(),
      })),
    )
    .onConflict(conflict =>
      conflict.columns(['conversation_id', 'user_id']).doUpdateSet(eb => ({
        role: eb.ref('excluded.role'),
        joined_at: eb.ref('excluded.joined_at'),
        left_at: null,
        joined_seq: eb.ref('excluded.joined_seq'),
        last_read_seq: eb.ref('excluded.last_read_seq'),
        last_delivered_seq: eb.ref('excluded.last_delivered_seq'),
        is_muted: false,
        muted_until: null,
        changed_xid: currentTransaction(),
      })),
    )
    .returning(participantColumns)
    .execute()

export const removeParticipant = async (
  trx: Transaction<Database>,
  { conversation_id, user_id }: ParticipantRow,
  now: Date,
): Promise<void> => {
  await trx
    .updateTable('participants')
    .set({ left_at: now, changed_xid: currentTransaction() })
    .where('conversation_id', '=', conversation_id)
    .where('user_id', '=', user_id)
    .execute()
}

/** Mutes the conversation for one participant, or ends that. False when they are none. */
export const setMute = async (
  db: Kysely<Database>,
  {
    conversationId,
    userId,
    isMuted,
    until,
  }: { conversationId: string; userId: string; isMuted: boolean; until: Date | null },
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('participants')
    .set({ is_muted: isMuted, muted_until: until, changed_xid: currentTransaction() })
    .where('conversation_id', '=', conversationId)
    .where('user_id', '=', userId)
    .where('left_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export const setRole = async (
  trx: Transaction<Database>,
  { conversation_id, user_id }: ParticipantRow,
  role: ParticipantRole,
): Promise<void> => {
  await trx
    .updateTable('participants')
    .set({ role, changed_xid: currentTransaction() })
    .where('conversation_id', '=', conversation_id)
    .where('user_id', '=', user_id)
    .execute()
}
