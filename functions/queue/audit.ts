import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import { StoredEntry } from '../../shared/audit/audit.schema.ts'
import { type AuditTable, storeEntry } from '../../shared/audit/audit-table.ts'
import { readConfig } from '../../shared/platform/config.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { timeLimits } from '../../shared/platform/time-limits.ts'
import { queue } from '../../shared/transport/queue.ts'

const AuditTableConfig = z.object({ AUDIT_TABLE_NAME: z.string() })

const tableFromEnvironment = (): AuditTable => ({
  client: new DynamoDBClient({ maxAttempts: 3, requestHandler: timeLimits(1_000, 2_000) }),
  name: readConfig(AuditTableConfig).AUDIT_TABLE_NAME,
})

export const createHandler = (deps: { table: AuditTable }) => queue(StoredEntry, entry => storeEntry(deps.table, entry))

export const handler = createHandler(runtime({ table: tableFromEnvironment }))
