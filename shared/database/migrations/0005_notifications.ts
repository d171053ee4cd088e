import { type Kysely, sql } from 'kysely'

/** What users want to be notified of. Who has no row has never said, and gets all of it. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table notification_preferences (
      user_id uuid primary key references users,
      push_enabled boolean not null,
      quiet_hours jsonb,
      muted_types text[] not null check (muted_types <@ array['direct', 'group', 'business'])
    )`.execute(db)
}
