import type { ProblemCode } from '../platform/problems.ts'
import { business } from './business.ts'
import { conversations } from './conversations.ts'
import type { ResourceDescription } from './description.ts'
import { messages } from './messages.ts'
import { notifications } from './notifications.ts'
import { platform } from './platform.ts'
import { presence } from './presence.ts'
import { realtime } from './realtime.ts'
import { sync } from './sync.ts'

export const resources: readonly ResourceDescription[] = [
  conversations,
  messages,
  notifications,
  presence,
  sync,
  realtime,
  business,
  platform,
]

/** What the parameters in paths stand for. */
export const pathParameters: Readonly<Record<string, string>> = {
  id: 'The conversation.',
  userId: 'The user.',
  messageId: 'The message.',
  businessId: 'The business.',
  agentId: 'The agent, by their user id.',
}

/** What a request can meet whatever it asks for. */
export const problemsOfEveryRoute: readonly ProblemCode[] = ['internal_error', 'timeout']

/** … with a token. */
export const problemsOfTokens: readonly ProblemCode[] = [
  'validation_failed',
  'unauthorized',
  'token_expired',
  'rate_limited',
  'store_unavailable',
]

/** … with the token of a service. */
export const problemsOfServices: readonly ProblemCode[] = [
  'validation_failed',
  'unauthorized',
  'rate_limited',
  'store_unavailable',
]

/** … with a body. */
export const problemsOfBodies: readonly ProblemCode[] = ['invalid_json', 'payload_too_large', 'unsupported_media_type']
