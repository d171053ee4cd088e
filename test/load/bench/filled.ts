import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { v7 } from 'uuid'
import { sealBody } from '../../../shared/messages/message-body.ts'
import type { Stack } from '../../support/stack.ts'
import { messagesOf } from '../../support/stored-messages.ts'
import type { Filled } from './target.ts'

const messages = 1_000_000
const readers = 20
const conversationsEach = 60
const hourMs = 60 * 60 * 1000

export const fillFloor = async (databaseUrl: string): Promise<Filled> => {
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    const filled = newReaders()
    for (const { userId, conversationIds } of filled.readers) {
      await database.query('insert into floor_conversations (id, user_id) select unnest($1::uuid[]), $2', [
        conversationIds,
        userId,
      ])
      await database.query(
        `insert into floor_messages (id, conversation_id, seq, sender_id, content)
          select gen_random_uuid(), c, n, $2, rpad('No. ' || n || ' ', 120, '.')
          from unnest($1::uuid[]) c, generate_series(1, $3::int) n`,
        [conversationIds, userId, messagesEach],
      )
    }
    await database.query('vacuum analyze')
    return filled
  } finally {
    await database.end()
  }
}

/**
 * As if each reader's companion had sent all of it within the last hour, all of a conversation at a moment of its own; sealed by the
 * stack's own key.
 */
export const fillService = async (stack: Stack): Promise<Filled> => {
  const store = await messagesOf(stack)
  const { db } = store
  try {
    const filled = newReaders()
    const startedAt = Date.now()
    const { id: keyId, key } = await store.contentKeys.active(db)
    for (const [reader, { userId, conversationIds }] of filled.readers.entries()) {
      const companion = randomUUID()
      await sql`insert into users (id, created_at) select unnest(${[userId, companion]}::uuid[]), now()`.execute(db)
      await sql`
        insert into conversations (id, type, created_by, created_at, last_seq, last_activity_at)
        select unnest(${conversationIds}::uuid[]), 'group', ${companion}::uuid, now(), ${messagesEach}::int, now()`.execute(
        db,
      )
      await sql`
        insert into participants (conversation_id, user_id, role, joined_at, joined_seq, last_read_seq, last_delivered_seq)
        select c, u, 'member', now(), 0, ${messagesEach}::int, ${messagesEach}::int
        from unnest(${conversationIds}::uuid[]) c, unnest(${[userId, companion]}::uuid[]) u`.execute(db)
      for (const [index, conversationId] of conversationIds.entries()) {
        const part = (reader * conversationsEach + index) / (readers * conversationsEach)
        const sentAt = new Date(startedAt - hourMs * (1 - part))
        const ids = Array.from({ length: messagesEach }, () => v7())
        const bodies = ids.map((id, index) =>
          sealBody(
            key,
            { id, conversation_id: conversationId },
            { content: `No. ${index + 1} `.padEnd(120, '.'), metadata: null },
          ),
        )
        await sql`
          insert into messages (id, conversation_id, seq, sender_id, type, key_id, body, sent_at)
          select id, ${conversationId}::uuid, n, ${companion}::uuid, 'text', ${keyId}::int, body, ${sentAt}
          from unnest(${ids}::uuid[], ${bodies}::bytea[]) with ordinality as sealed (id, body, n)`.execute(db)
      }
    }
    await sql`vacuum analyze`.execute(db)
    return filled
  } finally {
    await db.destroy()
  }
}

const messagesEach = Math.floor(messages / (readers * conversationsEach))

const newReaders = (): Filled => ({
  readers: Array.from({ length: readers }, () => ({
    userId: randomUUID(),
    conversationIds: Array.from({ length: conversationsEach }, () => randomUUID()),
  })),
})
