import { DatabaseConfig } from '../../shared/database/config.ts'
import { migrate } from '../../shared/database/migrate.ts'
import { keyWrappingFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { readConfig } from '../../shared/platform/config.ts'

export const handler = async (): Promise<{ applied: string[] }> => ({
  applied: await migrate(readConfig(DatabaseConfig), keyWrappingFromEnvironment()),
})
