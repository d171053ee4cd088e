import pg from 'pg'
import { testStack } from '../support/stack.ts'

/** How many rows there are, by table. */
export type RowCounts = Record<'users' | 'conversations' | 'participants' | 'messages', number>

/** Looks into the database of the stack. */
export interface StoredRows {
  /** Rows that have to do with these users: other tests store their own at the same time. */
  of(userIds: readonly string[]): Promise<RowCounts>
  close(): Promise<void>
}

export const openStoredRows = async (): Promise<StoredRows> => {
  const client = new pg.Client({ connectionString: testStack().outputs.DatabaseUrl })
  await client.connect()
  return {
    of: async userIds => {
      const { rows } = await client.query<RowCounts>(
        `select
          (select count(*)::int from users where id = any($1)) as users,
          (select count(*)::int from conversations where created_by = any($1)) as conversations,
          (select count(*)::int from participants where user_id = any($1) or conversation_id in
            (select id from conversations where created_by = any($1))) as participants,
          (select count(*)::int from messages where sender_id = any($1) or conversation_id in
            (select conversation_id from participants where user_id = any($1))) as messages`,
        [userIds],
      )
      const [counts] = rows
      if (!counts) throw new Error('Postgres counted nothing')
      return counts
    },
    close: () => client.end(),
  }
}
