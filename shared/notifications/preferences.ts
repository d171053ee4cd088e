import type { Kysely } from 'kysely'
import type { Database } from '../database/schema.ts'
import { findPreferences, storePreferences } from './preferences.repository.ts'
import { NotificationPreferences } from './preferences.schema.ts'

/** What a user wants to be notified of; everything, where they have never said. One statement. */
export const getPreferences = async (
  { db }: { db: Kysely<Database> },
  userId: string,
): Promise<NotificationPreferences> => (await findPreferences(db, userId)) ?? NotificationPreferences.parse({})

/** Replaces all of it. They hold for push requests that are not sent yet. One statement. */
export const setPreferences = async (
  { db }: { db: Kysely<Database> },
  userId: string,
  preferences: NotificationPreferences,
): Promise<NotificationPreferences> => {
  await storePreferences(db, userId, preferences)
  return preferences
}
