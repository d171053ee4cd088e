import { randomUUID } from 'node:crypto'
import type { Cluster } from 'ioredis'
import type { Kysely } from 'kysely'
import type { Viewer } from '../auth/caller.ts'
import type { Database } from '../database/schema.ts'
import type { Limits } from '../limits/limits.ts'
import { Problem } from '../platform/problems.ts'
import { findStandings } from '../receipts/receipts.repository.ts'
import { callRedis } from '../redis/call.ts'
import { keys } from '../redis/keys.ts'
import type { ReplayQueue } from './replay.jobs.ts'
import type { Connection } from './switchboard.ts'

export interface SyncDeps {
  db: Kysely<Database>
  redis: Cluster
  limits: Limits
  replays: ReplayQueue
}

export interface SyncRequest {
  caller: Viewer
  connection: Connection
  /** Comes back in `sync.completed`. */
  requestId: string | undefined
  conversations: { id: string; afterSeq: number }[]
}

/** A sync whose worker died does not block the socket for longer. */
const leaseMs = 60_000

const leaseKey = (connectionId: string): string => keys.lease(`sync:${connectionId}`)

export const releaseSync = async (redis: Cluster, connectionId: string): Promise<void> => {
  await callRedis(redis, () => redis.del(leaseKey(connectionId)))
}

/**
 * Takes a client's word for what it holds and has the rest sent, in the background: its ack says only that it was accepted.
 * One at a time for each connection (`sync_in_progress`), ten a minute (`rate_limited`). Conversations that are not the caller's
 * are passed over and returned.
 */
export const requestSync = async (
  { db, redis, limits, replays }: SyncDeps,
  { caller, connection, requestId, conversations: named }: SyncRequest,
): Promise<{ passedOver: string[] }> => {
  await limits.countSync(connection.id)
  const ids = named.map(({ id }) => id)
  const standings = await findStandings(db, caller, ids)
  const taken = await callRedis(redis, () => redis.set(leaseKey(connection.id), '1', 'PX', leaseMs, 'NX'))
  if (taken !== 'OK')
    throw new Problem('sync_in_progress', 'A sync of this connection is running. Wait for sync.completed.')
  const conversations = named.filter(({ id }) => standings.has(id))
  await replays.send({ kind: 'sync', id: randomUUID(), connection, hop: 0, requestId, conversations, completed: [] })
  return { passedOver: ids.filter(id => !standings.has(id)) }
}
