import { DatabaseConfig } from '../../shared/database/config.ts'
import { migrate } from '../../shared/database/migrate.ts'
import { type ContentKeys, createContentKeys } from '../../shared/encryption/content-keys.ts'
import { localWrapping } from '../../shared/encryption/key-wrapping.ts'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'

/** Wraps the keys of messages in every test database. */
export const testWrapping = localWrapping(Buffer.alloc(32, 'test master key'))

export const openContentKeys = (clock: Clock = systemClock): ContentKeys =>
  createContentKeys({ wrapping: testWrapping, clock })

/** Brings a test database to the newest schema; returns the migrations that were missing. */
export const migrateToLatest = (databaseUrl: string): Promise<string[]> =>
  migrate(DatabaseConfig.parse({ DATABASE_URL: databaseUrl }), testWrapping)
