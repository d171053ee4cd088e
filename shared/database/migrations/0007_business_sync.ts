import { type Kysely, sql } from 'kysely'

/** The conversations of a business in the order of their ids, in which `GET /sync` walks through them. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create index conversations_of_a_business on business_conversations (business_id, conversation_id)`.execute(
    db,
  )
}
