import type { Kysely } from 'kysely'
import type { Database } from '../database/schema.ts'
import type { NotificationPreferences } from './preferences.schema.ts'

/** Undefined for who has never said. */
export const findPreferences = async (
  db: Kysely<Database>,
  userId: string,
): Promise<NotificationPreferences | undefined> => {
  const row = await db
    .selectFrom('notification_preferences')
    .select(['push_enabled', 'quiet_hours', 'muted_types'])
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row && { pushEnabled: row.push_enabled, quietHours: row.quiet_hours, mutedTypes: row.muted_types }
}

export const storePreferences = async (
  db: Kysely<Database>,
  userId: string,
  { pushEnabled, quietHours, mutedTypes }: NotificationPreferences,
): Promise<void> => {
  const columns = {
    push_enabled: pushEnabled,
    quiet_hours: quietHours && JSON.stringify(quietHours),
    muted_types: mutedTypes,
  }
  await db
    .insertInto('notification_preferences')
    .values({ user_id: userId, ...columns })
    .onConflict(conflict => conflict.column('user_id').doUpdateSet(columns))
    .execute()
}
