import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import type { Caller } from '../../shared/auth/caller.ts'
import { deliveryFromEnvironment } from '../../shared/delivery/from-environment.ts'
import { replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { SyncRequest } from '../../shared/delivery/sync.schema.ts'
import { requestSync, type SyncDeps } from '../../shared/delivery/sync.ts'
import { contentKeysFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { MessageReference, SendMessageFrame } from '../../shared/messages/messages.schema.ts'
import { deleteMessage } from '../../shared/messages/messages.ts'
import { type SendDeps, senderOf, sendMessage } from '../../shared/messages/send-message.ts'
import { pushChecksFromEnvironment } from '../../shared/notifications/push-check.jobs.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment, typingFromEnvironment } from '../../shared/presence/presence.config.ts'
import { PresenceGet } from '../../shared/presence/presence.schema.ts'
import { getPresence, type ReadPresenceDeps } from '../../shared/presence/presence.ts'
import { TypingFrame } from '../../shared/presence/typing.schema.ts'
import { startTyping, stopTyping, type TypingDeps } from '../../shared/presence/typing.ts'
import { profilesFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { receiptQueueFromEnvironment } from '../../shared/receipts/receipt.jobs.ts'
import { Positions } from '../../shared/receipts/receipts.schema.ts'
import { markDelivered, markRead, type ReceiptDeps } from '../../shared/receipts/receipts.ts'
import { NoData } from '../../shared/transport/frames.schema.ts'
import { action, type WebSocketDeps, webSocketActions } from '../../shared/transport/websocket.ts'

const typistOf = ({ id: userId, businessId }: Caller, { conversationId }: { conversationId: string }) => ({
  conversationId,
  userId,
  businessId,
})

export type MessageFunctionDeps = WebSocketDeps & SendDeps & ReceiptDeps & SyncDeps & ReadPresenceDeps & TypingDeps

export const createHandler = (deps: MessageFunctionDeps) =>
  webSocketActions(deps, {
    ping: action(NoData, async () => ({ serverTime: deps.clock.now().toISOString() })),
    'message.send': action(
      SendMessageFrame,
      async ({ caller, connection, data }) => {
        const { message, duplicate } = await sendMessage(deps, { ...data, ...senderOf(caller), from: connection })
        const { id, conversationId, seq, sentAt } = message
        return { id, conversationId, seq, sentAt, duplicate }
      },
      { isSend: true },
    ),
    'message.delete': action(MessageReference, async ({ caller, data }) => deleteMessage(deps, { ...data, caller })),
    'message.delivered': action(Positions, async ({ caller, data, passOver }) => {
      await passOver((await markDelivered(deps, caller, data.positions)).passedOver)
    }),
    'message.read': action(Positions, async ({ caller, data, passOver }) => {
      const { unread, passedOver } = await markRead(deps, caller, data.positions)
      await passOver(passedOver)
      return data.isSingle ? { unreadCount: Object.values(unread)[0] ?? 0 } : { unread }
    }),
    'presence.get': action(PresenceGet, async ({ caller, data }) => getPresence(deps, caller, data.userIds)),
    'typing.start': action(TypingFrame, async ({ caller, data }) => startTyping(deps, typistOf(caller, data))),
    'typing.stop': action(TypingFrame, async ({ caller, data }) => stopTyping(deps, typistOf(caller, data))),
    sync: action(SyncRequest, async ({ caller, connection, requestId, data, passOver }) => {
      await passOver((await requestSync(deps, { caller, connection, requestId, ...data })).passedOver)
      return { accepted: true }
    }),
  })

export const handler = createHandler(
  runtime({
    ...deliveryFromEnvironment,
    profiles: profilesFromEnvironment,
    replays: replayQueueFromEnvironment,
    pushChecks: pushChecksFromEnvironment,
    receipts: receiptQueueFromEnvironment,
    presence: presenceFromEnvironment,
    typing: typingFromEnvironment,
    contentKeys: contentKeysFromEnvironment,
    audit: auditFromEnvironment,
    limits: limitsFromEnvironment,
  }),
)
