import { createAudit } from '../../shared/audit/audit.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { pushFromEnvironment } from '../../shared/delivery/push.ts'
import { switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { deliveredFromEnvironment } from '../../shared/receipts/delivered.ts'
import { receiptQueueFromEnvironment } from '../../shared/receipts/receipt.jobs.ts'
import { markAllRead, type ReceiptDeps } from '../../shared/receipts/receipts.ts'
import { unreadCounts } from '../../shared/receipts/unread.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { type HttpDeps, http, ok, route } from '../../shared/transport/http.ts'

export const createHandler = (deps: HttpDeps & ReceiptDeps) =>
  http(deps, {
    'GET /notifications/unread-counts': route({}, async ({ caller }) => ok(await unreadCounts(deps, caller.id))),
    'PUT /notifications/mark-all-read': route({}, async ({ caller }) => ok(await markAllRead(deps, caller.id))),
  })

export const handler = createHandler(
  runtime({
    tokens: tokenVerifierFromEnvironment(systemClock),
    db: databaseFromEnvironment,
    redis: redisFromEnvironment,
    switchboard: switchboardFromEnvironment,
    delivered: deliveredFromEnvironment,
    push: pushFromEnvironment,
    receipts: receiptQueueFromEnvironment,
    audit: createAudit,
    clock: () => systemClock,
  }),
)
