import { randomUUID } from 'node:crypto'
import { authorizerEvent, messageEvent } from '../../../infra/local/gateway/websocket-events.ts'
import { tokenFor } from '../../support/tokens.ts'
import type { ServiceTarget } from './service-target.ts'

const hourMs = 60 * 60 * 1000

/** A first event for each function that a client meets on its socket: a handshake, a heartbeat, a message to somebody offline. */
export const firstEvents = async (service: ServiceTarget): Promise<Record<string, object>> => {
  const [sender, recipient] = [randomUUID(), randomUUID()]
  const conversationId = await service.openConversation([sender, recipient])
  const connection = {
    ...{
      id: 'bench12345678901=',
      connectedAt: Date.now(),
      identity: { sourceIp: '127.0.0.1' },
      domainName: 'localhost',
    },
    ...{ headers: {}, multiValueHeaders: {} },
  }
  const authorizer = { userId: sender, kahaId: 'bench', expiresAt: String(Date.now() + hourMs) }
  const open = { ...connection, authorizer, lastActiveAt: Date.now() }
  const message = { action: 'message.send', requestId: '1', data: { conversationId, content: '.'.repeat(120) } }
  return {
    AuthorizerFunction: authorizerEvent({ ...connection, queryStringParameters: { token: await tokenFor(sender) } }),
    HeartbeatFunction: messageEvent(open, 'heartbeat', '{"action":"heartbeat"}'),
    MessageFunction: messageEvent(open, '$default', JSON.stringify(message)),
  }
}
