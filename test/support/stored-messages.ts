import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import { v7 } from 'uuid'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { openDatabase } from '../../shared/database/connection.ts'
import { createContentKeys } from '../../shared/encryption/content-keys.ts'
import { localWrapping } from '../../shared/encryption/key-wrapping.ts'
import { type MessageStore, sealBody } from '../../shared/messages/message-body.ts'
import { listMessages, type MessageRow } from '../../shared/messages/messages.repository.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import type { Stack } from './stack.ts'

/**
 * Stores messages as sending does, in one statement and transaction, without telling anybody; returns their ids in the order of
 * `seq`.
 */
export const storeMessages = async (
  { db, contentKeys }: MessageStore,
  { conversationId, senderId }: { conversationId: string; senderId: string },
  contents: readonly string[],
): Promise<string[]> => {
  const { id: keyId, key } = await contentKeys.active(db)
  const sealed = contents.map(content => {
    const id = v7()
    return { id, body: sealBody(key, { id, conversation_id: conversationId }, { content, metadata: null }) }
  })
  const ids = sealed.map(({ id }) => id)
  await sql`
    select send_message(id, ${conversationId}::uuid, ${senderId}::uuid, 'text', ${keyId}::int, body, now())
    from unnest(${ids}::uuid[], ${sealed.map(({ body }) => body)}::bytea[]) as sealed (id, body)`.execute(db)
  return ids
}

/** The messages of a stack, opened with its own key; `db.destroy()` ends the connection. */
export const messagesOf = async ({ outputs, directory }: Stack): Promise<MessageStore> => {
  const masterKey = Buffer.from(await readFile(directory.contentMasterKey, 'utf8'), 'base64url')
  const contentKeys = createContentKeys({ wrapping: localWrapping(masterKey), clock: systemClock })
  return { db: openDatabase(DatabaseConfig.parse({ DATABASE_URL: outputs.DatabaseUrl })), contentKeys }
}

/** All that is stored of a conversation, whoever may see it. */
export const storedMessages = (store: MessageStore, conversationId: string): Promise<MessageRow[]> =>
  listMessages(
    store,
    { conversationId, above: 0, direction: 'asc', limit: 100_000 },
    { sent: new Date(0), deleted: new Date(0) },
  )

/** What two who compare notes have of it. */
export const essenceOf = ({ id, seq, content }: MessageRow): { id: string; seq: number; content: string | null } => ({
  id,
  seq,
  content,
})
