import type { Cluster } from 'ioredis'
import type { Kysely } from 'kysely'
import { queueFigures } from '../business/business-conversations.repository.ts'
import type { Database } from '../database/schema.ts'
import type { Clock } from '../platform/clock.ts'
import { measure } from '../platform/metrics.ts'
import { allBuckets, keys } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

/**
 * Measures what there is at this moment: connections, users online, conversations that wait for an agent. One round trip to
 * Redis and one statement. Rejects with `store_unavailable`.
 */
export const measureStanding = async ({
  db,
  redis,
  clock,
}: {
  db: Kysely<Database>
  redis: Cluster
  clock: Clock
}): Promise<void> => {
  const now = clock.now().getTime()
  const pipeline = redis.pipeline()
  for (const bucket of allBuckets) pipeline.zcard(keys.connectionEnds(bucket))
  for (const bucket of allBuckets) pipeline.zcount(keys.online(bucket), `(${now}`, '+inf')
  const [replies, { length, waitingSince }] = await Promise.all([runPipeline(pipeline), queueFigures(db)])
  const counts = replies.map(Number)
  measure('Connections', sum(counts.slice(0, allBuckets.length)))
  measure('UsersOnline', sum(counts.slice(allBuckets.length)))
  measure('BusinessQueueLength', length)
  measure('BusinessLongestWait', waitingSince ? (now - waitingSince.getTime()) / 1_000 : 0)
}
