import type { Cluster } from 'ioredis'
import { runtime } from '../../shared/platform/runtime.ts'
import { markChanged } from '../../shared/profiles/profile-cache.ts'
import { PublishedProfileEvent, subjectOf } from '../../shared/profiles/profiles.schema.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { event } from '../../shared/transport/event.ts'

export const createHandler = (deps: { redis: Cluster }) =>
  event('A profile event', PublishedProfileEvent, published => markChanged(deps.redis, subjectOf(published)))

export const handler = createHandler(runtime({ redis: redisFromEnvironment }))
