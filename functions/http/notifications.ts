import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { deliveryFromEnvironment } from '../../shared/delivery/from-environment.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { NotificationPreferences } from '../../shared/notifications/preferences.schema.ts'
import { getPreferences, setPreferences } from '../../shared/notifications/preferences.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { receiptQueueFromEnvironment } from '../../shared/receipts/receipt.jobs.ts'
import { markAllRead, type ReceiptDeps } from '../../shared/receipts/receipts.ts'
import { unreadCounts } from '../../shared/receipts/unread.ts'
import { type HttpDeps, http, ok, route } from '../../shared/transport/http.ts'

export const createHandler = (deps: HttpDeps & ReceiptDeps) =>
  http(deps, {
    'GET /notifications/unread-counts': route({}, async ({ caller }) => ok(await unreadCounts(deps, caller.id))),
    'PUT /notifications/mark-all-read': route({}, async ({ caller }) => ok(await markAllRead(deps, caller.id))),
    'GET /notifications/preferences': route({}, async ({ caller }) => ok(await getPreferences(deps, caller.id))),
    'PUT /notifications/preferences': route({ body: NotificationPreferences }, async ({ caller, body }) =>
      ok(await setPreferences(deps, caller.id, body)),
    ),
  })

export const handler = createHandler(
  runtime({
    ...deliveryFromEnvironment,
    tokens: tokenVerifierFromEnvironment(systemClock),
    receipts: receiptQueueFromEnvironment,
    limits: limitsFromEnvironment,
    audit: auditFromEnvironment,
  }),
)
