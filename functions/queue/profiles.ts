import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { mainServiceFromEnvironment, profileLifetimesFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { type RefreshDeps, refreshProfiles } from '../../shared/profiles/profiles.ts'
import { RefreshJob } from '../../shared/profiles/refresh.jobs.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { queue } from '../../shared/transport/queue.ts'

export const createHandler = (deps: RefreshDeps) => queue(RefreshJob, job => refreshProfiles(deps, job))

export const handler = createHandler(
  runtime({
    redis: redisFromEnvironment,
    mainService: mainServiceFromEnvironment,
    lifetimes: profileLifetimesFromEnvironment,
    clock: () => systemClock,
  }),
)
