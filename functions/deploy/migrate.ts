import { DatabaseConfig } from '../../shared/database/config.ts'
import { migrate } from '../../shared/database/migrate.ts'
import { readConfig } from '../../shared/platform/config.ts'

export const handler = async (): Promise<{ applied: string[] }> => ({
  applied: await migrate(readConfig(DatabaseConfig)),
})
