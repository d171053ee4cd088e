import * as z from 'zod'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { pushFromEnvironment } from '../../shared/delivery/push.ts'
import { switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { MessageReference, SendMessageFrame } from '../../shared/messages/messages.schema.ts'
import { deleteMessage, type MessageDeps, sendMessage } from '../../shared/messages/messages.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { action, webSocketActions } from '../../shared/transport/websocket.ts'

export const createHandler = (deps: MessageDeps) =>
  webSocketActions(deps, {
    ping: action(z.strictObject({}), async () => ({ serverTime: deps.clock.now().toISOString() })),
    'message.send': action(SendMessageFrame, async ({ caller, connection, data }) => {
      const sending = { ...data, senderId: caller.id, connectionId: connection.id }
      const { message, duplicate } = await sendMessage(deps, sending)
      const { id, conversationId, seq, sentAt } = message
      return { id, conversationId, seq, sentAt, duplicate }
    }),
    'message.delete': action(MessageReference, async ({ caller, data }) =>
      deleteMessage(deps, { ...data, userId: caller.id }),
    ),
  })

export const handler = createHandler(
  runtime({
    db: databaseFromEnvironment,
    switchboard: switchboardFromEnvironment,
    push: pushFromEnvironment,
    clock: () => systemClock,
  }),
)
