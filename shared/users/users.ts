import { type Kysely, sql, type Transaction } from 'kysely'
import QuickLRU from 'quick-lru'
import type { Database } from '../database/schema.ts'
import type { Clock } from '../platform/clock.ts'

export interface TokenUser {
  id: string
  kahaId: string
}

/** Users whose row this environment has seen to be right; a handler asks for each request. */
const known = new QuickLRU<string, string>({ maxSize: 10_000 })

/**
 * Makes the row of a token's user, or mends its `kahaId`. One statement for the first request of a user in this environment,
 * none after that. Two at the same time make one row.
 */
export const ensureUser = async (
  { db, clock }: { db: Kysely<Database>; clock: Clock },
  { id, kahaId }: TokenUser,
): Promise<void> => {
  if (known.get(id) === kahaId) return
  await db
    .insertInto('users')
    .values({ id, kaha_id: kahaId, created_at: clock.now() })
    .onConflict(conflict =>
      conflict
        .column('id')
        .doUpdateSet({ kaha_id: kahaId })
        .where(sql<boolean>`users.kaha_id is distinct from excluded.kaha_id`),
    )
    .execute()
  known.set(id, kahaId)
}

/**
 * Makes the rows of users whom somebody mentions before their own first token. In the order of their ids, so that two
 * transactions that mention the same users don't wait for each other in a circle.
 */
export const mentionUsers = async (trx: Transaction<Database>, ids: readonly string[], now: Date): Promise<void> => {
  await sql`
    insert into users (id, created_at)
    select id, ${now} from unnest(${[...ids].sort()}::uuid[]) as mentioned (id)
    on conflict (id) do nothing`.execute(trx)
}
