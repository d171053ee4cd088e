import { type Migration, Migrator } from 'kysely/migration'
import type { KeyWrapping } from '../encryption/key-wrapping.ts'
import { makeFirstKey } from '../encryption/rotation.ts'
import { attachPartitions, partitionSpanFromEnvironment } from '../messages/partitions.ts'
import { systemClock } from '../platform/clock.ts'
import { logger } from '../platform/logger.ts'
import type { DatabaseConfig } from './config.ts'
import { openDatabase } from './connection.ts'
import * as foundation from './migrations/0001_foundation.ts'
import * as retention from './migrations/0002_retention.ts'
import * as sync from './migrations/0003_sync.ts'
import * as business from './migrations/0004_business.ts'
import * as notifications from './migrations/0005_notifications.ts'
import * as contentEncryption from './migrations/0006_content_encryption.ts'
import * as businessSync from './migrations/0007_business_sync.ts'
import * as lastSender from './migrations/0008_last_sender.ts'
import { provisionRoles } from './roles.ts'

/** In order. A migration that has been released is never changed: the next one corrects it. */
const migrations: Record<string, Migration> = {
  '0001_foundation': foundation,
  '0002_retention': retention,
  '0003_sync': sync,
  '0004_business': business,
  '0005_notifications': notifications,
  '0006_content_encryption': contentEncryption,
  '0007_business_sync': businessSync,
  '0008_last_sender': lastSender,
}

/**
 * Brings a database to the newest schema, attaches the partitions that messages need next, and makes the first key that they are
 * encrypted with. Forward only. Running it again changes nothing; of two at the same time one waits for the other (Kysely's
 * migration lock).
 */
export const migrate = async (config: DatabaseConfig, wrapping: KeyWrapping): Promise<string[]> => {
  const db = openDatabase(config)
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
    const { error, results = [] } = await migrator.migrateToLatest()
    if (error) throw error
    await attachPartitions({ db, clock: systemClock }, partitionSpanFromEnvironment())
    await provisionRoles(db)
    await makeFirstKey({ db, wrapping }, systemClock.now())
    const applied = results.map(result => result.migrationName)
    logger.info('The database has the newest schema', { applied })
    return applied
  } finally {
    await db.destroy()
  }
}
