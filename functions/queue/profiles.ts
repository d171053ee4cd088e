import type { Cluster } from 'ioredis'
import { type Clock, systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import type { MainService } from '../../shared/profiles/main-service.ts'
import { mainServiceFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { refreshProfiles } from '../../shared/profiles/profiles.ts'
import { RefreshJob } from '../../shared/profiles/refresh.jobs.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { queue } from '../../shared/transport/queue.ts'

export const createHandler = (deps: { redis: Cluster; mainService: MainService | undefined; clock: Clock }) =>
  queue(RefreshJob, job => refreshProfiles(deps, job))

export const handler = createHandler(
  runtime({ redis: redisFromEnvironment, mainService: mainServiceFromEnvironment, clock: () => systemClock }),
)
