import { type FanOutDeps, pushTo } from '../delivery/fan-out.ts'
import { type ReplayQueue, unroutedJob } from '../delivery/replay.jobs.ts'
import { noteSign } from '../delivery/signs.ts'
import { type Connection, othersOf, type Routing } from '../delivery/switchboard.ts'
import type { PushCheck, PushChecks } from '../notifications/push-check.jobs.ts'
import { logger } from '../platform/logger.ts'
import { measure } from '../platform/metrics.ts'
import type { Message } from './messages.schema.ts'

export type DeliverDeps = FanOutDeps & { replays: ReplayQueue; pushChecks: PushChecks }

/** After Redis was down it may have lost who is connected: within this time each of them has sent a heartbeat. */
const afterOutageSeconds = 30

/** That these recipients may have to be notified of the message. */
const checkOf = ({ conversationId, seq }: Routing, userIds: readonly string[]): PushCheck => ({
  conversationId,
  userIds,
  fromSeq: seq,
  throughSeq: seq,
})

/**
 * Brings a message that was committed a moment ago to everybody's live connections, and has it looked at later whether who is
 * offline is to be notified. Never rejects: when Redis does not answer, a job looks the recipients up again, and any of them may be
 * offline; when that can't be queued either, the sweep finds the message in Postgres.
 */
export const deliver = async (deps: DeliverDeps, routing: Routing, message: Message, now: Date): Promise<void> => {
  const { status, ...seenByOthers } = message
  const committedAt = performance.now()
  const forSender = { event: 'message.created', data: { message } } as const
  const forOthers = { event: 'message.created', data: { message: seenByOthers } } as const
  try {
    const { connections, offline, sign } = await deps.switchboard.route(routing, now).catch(async error => {
      const asked = deps.pushChecks.ask([checkOf(routing, othersOf(routing))], afterOutageSeconds)
      await deps.replays.send(unroutedJob(routing)).finally(() => asked)
      throw error
    })
    const pushAll = async (to: readonly Connection[]): Promise<void> => {
      if (to.length === 0) return
      await pushTo(deps, to, ({ userId }) => (userId === routing.senderId ? forSender : forOthers))
      measure('PushLatency', performance.now() - committedAt)
    }
    const asked = deps.pushChecks.ask([checkOf(routing, offline)])
    await Promise.all([
      pushAll(connections.filter(({ id }) => id !== routing.from?.id)),
      routing.from && sign && noteSign(deps, routing.from, sign),
    ]).finally(() => asked)
  } catch (error) {
    logger.warn('A message could not be pushed', error as Error)
  }
}
