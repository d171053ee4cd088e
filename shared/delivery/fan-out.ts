import type { Clock } from '../platform/clock.ts'
import { logger } from '../platform/logger.ts'
import type { RoundTrip } from '../redis/round-trip.ts'
import type { ServerEvent } from './events.ts'
import type { Push } from './push.ts'
import type { Connection, Switchboard } from './switchboard.ts'

export interface FanOutDeps {
  switchboard: Switchboard
  push: Push
  clock: Clock
}

/** A connection younger than this may still be inside `$connect`, where a push meets 410 although it will live. */
export const youngConnectionMs = 10_000

export const frameOf = ({ event, data }: ServerEvent, at: Date): string =>
  JSON.stringify({ event, data, at: at.toISOString() })

/**
 * Pushes to connections what each is to be told, nothing where it is null. All at the same time, and those that had gone are
 * forgotten: one push for each, and one Redis round trip when some had gone.
 */
export const pushTo = async (
  { switchboard, push, clock }: FanOutDeps,
  connections: readonly Connection[],
  eventFor: (connection: Connection) => ServerEvent | null,
): Promise<void> => {
  const at = clock.now()
  const frames = new Map<ServerEvent, string>()
  const gone: Connection[] = []
  const tell = async (connection: Connection): Promise<void> => {
    const event = eventFor(connection)
    if (!event) return
    const frame = frames.get(event) ?? frameOf(event, at)
    frames.set(event, frame)
    const outcome = await push.send(connection.id, frame)
    if (outcome === 'gone' && at.getTime() - connection.connectedAt > youngConnectionMs) gone.push(connection)
  }
  await Promise.all(connections.map(tell))
  await switchboard.remove(gone)
}

/**
 * Tells users' live connections of an event. Costs one Redis round trip, or goes with one that is made anyway, beside what `pushTo`
 * costs. Never rejects and promises nothing: whoever is not reached learns it from Postgres later.
 */
export const fanOutTo = async (
  deps: FanOutDeps,
  userIds: readonly string[],
  eventFor: (userId: string) => ServerEvent | null,
  trip?: RoundTrip,
): Promise<void> => {
  try {
    await pushTo(deps, await deps.switchboard.connectionsOf(userIds, trip), ({ userId }) => eventFor(userId))
  } catch (error) {
    logger.warn('An event could not be fanned out', error as Error)
  }
}

/** `fanOutTo` with the same event for everybody. */
export const fanOut = (
  deps: FanOutDeps,
  userIds: readonly string[],
  event: ServerEvent,
  trip?: RoundTrip,
): Promise<void> => fanOutTo(deps, userIds, () => event, trip)
