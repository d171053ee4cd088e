import { deliveryFromEnvironment } from '../../shared/delivery/from-environment.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { ReceiptJob, receiptQueueFromEnvironment } from '../../shared/receipts/receipt.jobs.ts'
import { announceCurrent, type ReceiptDeps } from '../../shared/receipts/receipts.ts'
import { queue } from '../../shared/transport/queue.ts'

export const createHandler = (deps: ReceiptDeps) => queue(ReceiptJob, job => announceCurrent(deps, job))

export const handler = createHandler(
  runtime({
    ...deliveryFromEnvironment,
    receipts: receiptQueueFromEnvironment,
  }),
)
