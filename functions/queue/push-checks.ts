import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { PushCheck } from '../../shared/notifications/push-check.schema.ts'
import { type CheckPushDeps, checkPush } from '../../shared/notifications/push-checks.ts'
import { notificationsFromEnvironment } from '../../shared/notifications/push-request.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment } from '../../shared/presence/presence.config.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { queue } from '../../shared/transport/queue.ts'

export const createHandler = (deps: CheckPushDeps) => queue(PushCheck, check => checkPush(deps, check))

export const handler = createHandler(
  runtime({
    db: databaseFromEnvironment,
    redis: redisFromEnvironment,
    clock: () => systemClock,
    presence: presenceFromEnvironment,
    notifications: notificationsFromEnvironment,
  }),
)
