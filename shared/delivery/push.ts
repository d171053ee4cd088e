import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { logger } from '../platform/logger.ts'
import { timeLimits } from '../platform/time-limits.ts'

export const PushConfig = z.object({ WEBSOCKET_API_ENDPOINT: z.url() })
export type PushConfig = z.output<typeof PushConfig>

/** `gone`: the connection has ended, or is still inside `$connect`. `failed`: nobody knows whether it arrived. */
export type PushOutcome = 'sent' | 'gone' | 'failed'

/** Writes to sockets through the gateway. Never rejects, takes a second at most, and tries once: the sweep repairs. */
export interface Push {
  send(connectionId: string, frame: string): Promise<PushOutcome>
  close(connectionId: string): Promise<PushOutcome>
}

const timeoutMs = 1_000

/** The real answer has an empty body, so the status tells, not the message. */
const isGone = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'GoneException' ||
    ('$metadata' in error && (error.$metadata as { httpStatusCode?: number }).httpStatusCode === 410))

export const createPush = (config: PushConfig): Push => {
  const client = new ApiGatewayManagementApiClient({
    endpoint: config.WEBSOCKET_API_ENDPOINT,
    maxAttempts: 1,
    requestHandler: { ...timeLimits(timeoutMs, timeoutMs), httpsAgent: { maxSockets: 100 } },
  })
  const outcomeOf = async (request: Promise<unknown>): Promise<PushOutcome> => {
    try {
      await request
      return 'sent'
    } catch (error) {
      if (isGone(error)) return 'gone'
      logger.warn('A push failed', error as Error)
      return 'failed'
    }
  }
  return {
    send: (connectionId, frame) =>
      outcomeOf(client.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: Buffer.from(frame) }))),
    close: connectionId => outcomeOf(client.send(new DeleteConnectionCommand({ ConnectionId: connectionId }))),
  }
}

export const pushFromEnvironment = (): Push => createPush(readConfig(PushConfig))
