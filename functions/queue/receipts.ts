import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { pushFromEnvironment } from '../../shared/delivery/push.ts'
import { switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { deliveredFromEnvironment } from '../../shared/receipts/delivered.ts'
import { ReceiptJob, receiptQueueFromEnvironment } from '../../shared/receipts/receipt.jobs.ts'
import { announceCurrent, type ReceiptDeps } from '../../shared/receipts/receipts.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { queue } from '../../shared/transport/queue.ts'

export const createHandler = (deps: ReceiptDeps) => queue(ReceiptJob, job => announceCurrent(deps, job))

export const handler = createHandler(
  runtime({
    db: databaseFromEnvironment,
    redis: redisFromEnvironment,
    switchboard: switchboardFromEnvironment,
    delivered: deliveredFromEnvironment,
    push: pushFromEnvironment,
    receipts: receiptQueueFromEnvironment,
    clock: () => systemClock,
  }),
)
