import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { logger } from '../platform/logger.ts'
import { measure } from '../platform/metrics.ts'
import { createConnectionsApi } from './connections-api.ts'

export const PushConfig = z.object({ WEBSOCKET_API_ENDPOINT: z.url() })
export type PushConfig = z.output<typeof PushConfig>

/** `gone`: the connection has ended, or is still inside `$connect`. `failed`: nobody knows whether it arrived. */
export type PushOutcome = 'sent' | 'gone' | 'failed'

/** Writes to sockets through the gateway. Never rejects, takes a second at most, and tries once: the sweep repairs. */
export interface Push {
  send(connectionId: string, frame: string): Promise<PushOutcome>
  close(connectionId: string): Promise<PushOutcome>
}

const gone = 410

const metricOf = { sent: 'PushesSent', gone: 'PushesGone', failed: 'PushesFailed' } as const

export const createPush = (config: PushConfig): Push => {
  const callGateway = createConnectionsApi(config.WEBSOCKET_API_ENDPOINT)
  const outcomeOf = async (answer: Promise<number>): Promise<PushOutcome> => {
    try {
      const status = await answer
      if (status >= 200 && status < 300) return 'sent'
      if (status === gone) return 'gone'
      logger.warn('A push failed', { status })
    } catch (error) {
      logger.warn('A push failed', error as Error)
    }
    return 'failed'
  }
  return {
    send: async (connectionId, frame) => {
      const outcome = await outcomeOf(callGateway('POST', connectionId, Buffer.from(frame)))
      measure(metricOf[outcome])
      return outcome
    },
    close: connectionId => outcomeOf(callGateway('DELETE', connectionId)),
  }
}

export const pushFromEnvironment = (): Push => createPush(readConfig(PushConfig))
