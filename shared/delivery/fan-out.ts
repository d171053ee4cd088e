import type { Clock } from '../platform/clock.ts'
import { logger } from '../platform/logger.ts'
import type { ServerEvent } from './events.ts'
import type { Push } from './push.ts'
import type { Connection, Switchboard } from './switchboard.ts'

export interface FanOutDeps {
  switchboard: Switchboard
  push: Push
  clock: Clock
}

/** A connection younger than this may still be inside `$connect`, where a push meets 410 although it will live. */
const youngMs = 10_000

export const frameOf = ({ event, data }: ServerEvent, at: Date): string =>
  JSON.stringify({ event, data, at: at.toISOString() })

/**
 * Tells users' live connections of an event, each connection once, all at the same time. Costs one Redis round trip and one
 * push for each connection, and one more round trip when some had gone. Never rejects and promises nothing: whoever is not
 * reached learns it from Postgres later.
 * @param eventFor what this user's connections are told; a user for whom it returns null is told nothing.
 * @param exceptConnectionId a connection that knows already.
 */
export const fanOutTo = async (
  { switchboard, push, clock }: FanOutDeps,
  userIds: readonly string[],
  eventFor: (userId: string) => ServerEvent | null,
  exceptConnectionId?: string,
): Promise<void> => {
  try {
    const at = clock.now()
    const frames = new Map<ServerEvent, string>()
    const gone: Connection[] = []
    const tell = async (connection: Connection): Promise<void> => {
      const event = eventFor(connection.userId)
      if (!event || connection.id === exceptConnectionId) return
      const frame = frames.get(event) ?? frameOf(event, at)
      frames.set(event, frame)
      const outcome = await push.send(connection.id, frame)
      if (outcome === 'gone' && at.getTime() - connection.connectedAt > youngMs) gone.push(connection)
    }
    const connections = await switchboard.connectionsOf(userIds)
    await Promise.all(connections.map(tell))
    await switchboard.remove(gone)
  } catch (error) {
    logger.warn('An event could not be fanned out', error as Error)
  }
}

/** `fanOutTo` with the same event for everybody. */
export const fanOut = (deps: FanOutDeps, userIds: readonly string[], event: ServerEvent): Promise<void> =>
  fanOutTo(deps, userIds, () => event)
