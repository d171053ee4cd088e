import middy from '@middy/core'
import type { Kysely } from 'kysely'
import * as z from 'zod'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import type { Database } from '../../shared/database/schema.ts'
import { attachPartitions } from '../../shared/messages/partitions.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { logger } from '../../shared/platform/logger.ts'
import { runtime } from '../../shared/platform/runtime.ts'

/** `now` moves the job to another time, for a look ahead. */
const Input = z.object({ now: z.coerce.date().optional() })

export const createHandler = (deps: { db: Kysely<Database> }) =>
  middy<unknown, { attached: string[] }>().handler(async event => {
    const { now } = Input.parse(event ?? {})
    const attached = await attachPartitions({ db: deps.db, clock: now ? { now: () => now } : systemClock })
    logger.info('Partitions are attached ahead', { attached: attached.map(partition => partition.name) })
    return { attached: attached.map(partition => partition.name) }
  })

export const handler = createHandler(runtime({ db: databaseFromEnvironment }))
