import { databaseFromEnvironment } from '../database/connection.ts'
import { systemClock } from '../platform/clock.ts'
import { deliveredFromEnvironment } from '../receipts/delivered.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { pushFromEnvironment } from './push.ts'
import { switchboardFromEnvironment } from './switchboard.ts'

/** What every function that tells clients of something is made of, for `runtime`. */
export const deliveryFromEnvironment = {
  db: databaseFromEnvironment,
  redis: redisFromEnvironment,
  switchboard: switchboardFromEnvironment,
  delivered: deliveredFromEnvironment,
  push: pushFromEnvironment,
  clock: () => systemClock,
} as const
