import * as z from 'zod'
import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { deliveryFromEnvironment } from '../../shared/delivery/from-environment.ts'
import { replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { contentKeysFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { HistoryQuery, SendMessage } from '../../shared/messages/messages.schema.ts'
import { deleteMessage, getMessage, type HistoryDeps, readHistory } from '../../shared/messages/messages.ts'
import { pageCacheFromEnvironment } from '../../shared/messages/page-cache.config.ts'
import { type SendDeps, senderOf, sendMessage } from '../../shared/messages/send-message.ts'
import { pushChecksFromEnvironment } from '../../shared/notifications/push-check.jobs.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { Id } from '../../shared/platform/ids.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment } from '../../shared/presence/presence.config.ts'
import { profilesFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { receiptQueueFromEnvironment } from '../../shared/receipts/receipt.jobs.ts'
import { messageReceipts, type ReceiptDeps } from '../../shared/receipts/receipts.ts'
import { created, type HttpDeps, http, noContent, ok, route } from '../../shared/transport/http.ts'

const Conversation = z.strictObject({ id: Id })
const Message = z.strictObject({ id: Id, messageId: Id })

export const createHandler = (deps: HttpDeps & SendDeps & ReceiptDeps & HistoryDeps) =>
  http(deps, {
    'POST /conversations/{id}/messages': route(
      { params: Conversation, body: SendMessage, isSend: true },
      async ({ caller, params, body }) => {
        const sending = { ...body, ...senderOf(caller), conversationId: params.id }
        const { message, duplicate } = await sendMessage(deps, sending)
        return duplicate ? ok(message) : created(message)
      },
    ),
    'GET /conversations/{id}/messages': route(
      { params: Conversation, query: HistoryQuery },
      async ({ caller, params, query }) => ok(await readHistory(deps, { ...query, caller, conversationId: params.id })),
    ),
    'GET /conversations/{id}/messages/{messageId}': route({ params: Message }, async ({ caller, params }) => {
      const reference = { caller, conversationId: params.id, messageId: params.messageId }
      return ok(await getMessage(deps, reference))
    }),
    'DELETE /conversations/{id}/messages/{messageId}': route({ params: Message }, async ({ caller, params }) => {
      await deleteMessage(deps, { caller, conversationId: params.id, messageId: params.messageId })
      return noContent()
    }),
    'GET /conversations/{id}/messages/{messageId}/receipts': route({ params: Message }, async ({ caller, params }) => {
      const reference = { caller, conversationId: params.id, messageId: params.messageId }
      return ok({ items: await messageReceipts(deps, reference) })
    }),
  })

export const handler = createHandler(
  runtime({
    ...deliveryFromEnvironment,
    tokens: tokenVerifierFromEnvironment(systemClock),
    profiles: profilesFromEnvironment,
    pageCache: pageCacheFromEnvironment,
    replays: replayQueueFromEnvironment,
    pushChecks: pushChecksFromEnvironment,
    receipts: receiptQueueFromEnvironment,
    presence: presenceFromEnvironment,
    contentKeys: contentKeysFromEnvironment,
    limits: limitsFromEnvironment,
    audit: auditFromEnvironment,
  }),
)
