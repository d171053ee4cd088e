import { type FanOutDeps, pushTo } from '../delivery/fan-out.ts'
import { type ReplayQueue, unroutedJob } from '../delivery/replay.jobs.ts'
import { noteSign } from '../delivery/signs.ts'
import type { Connection, Routing } from '../delivery/switchboard.ts'
import { logger } from '../platform/logger.ts'
import { measure } from '../platform/metrics.ts'
import type { Message } from './messages.schema.ts'

export type DeliverDeps = FanOutDeps & { replays: ReplayQueue }

/**
 * Brings a message that was committed a moment ago to everybody's live connections. Never rejects: when Redis does not answer, a
 * job looks the recipients up again, and when that can't be queued either, the sweep finds the message in Postgres.
 */
export const deliver = async (deps: DeliverDeps, routing: Routing, message: Message, now: Date): Promise<void> => {
  const { status, ...seenByOthers } = message
  const committedAt = performance.now()
  const forSender = { event: 'message.created', data: { message } } as const
  const forOthers = { event: 'message.created', data: { message: seenByOthers } } as const
  try {
    const { connections, sign } = await deps.switchboard.route(routing, now).catch(async error => {
      await deps.replays.send(unroutedJob(routing))
      throw error
    })
    const pushAll = async (to: readonly Connection[]): Promise<void> => {
      if (to.length === 0) return
      await pushTo(deps, to, ({ userId }) => (userId === routing.senderId ? forSender : forOthers))
      measure('PushLatency', performance.now() - committedAt)
    }
    await Promise.all([
      pushAll(connections.filter(({ id }) => id !== routing.from?.id)),
      routing.from && sign && noteSign(deps, routing.from, sign),
    ])
  } catch (error) {
    logger.warn('A message could not be pushed', error as Error)
  }
}
