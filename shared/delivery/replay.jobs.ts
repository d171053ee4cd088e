import { randomUUID } from 'node:crypto'
import * as z from 'zod/mini'
import { readConfig } from '../platform/config.ts'
import { createQueue, type Queue } from '../platform/queue.ts'
import type { Connection, Routing } from './switchboard.ts'

/** How far a replay has come: everything of the conversations before this one, and of this one up to `seq`. */
export interface ReplayProgress {
  conversationId: string
  seq: number
}

interface Job {
  /** The same for all jobs that one request leads to. */
  id: string
  /** How many jobs led to this one. */
  hop: number
}

interface ConnectionJob extends Job {
  connection: Connection
  /** How often it was put off because the connection had another replay; none by default. */
  waits?: number | undefined
  /** How often it has met a store that was down since it last got on; none by default. */
  outages?: number | undefined
}

/** A message whose recipients could not be looked up, because Redis did not answer. */
export type UnroutedJob = Job & { kind: 'unrouted' } & Omit<Routing, 'from'>

/** What the replay worker does. Each may come twice, late, and in any order. */
export type ReplayJob = ConnectionReplayJob | UnroutedJob

/** What one connection is to get. */
export type ConnectionReplayJob =
  /** After `$connect`: what is missing, unless the client resumes by itself, then `session.ready`. */
  | (ConnectionJob & {
      kind: 'connect'
      withReplay: boolean
      cameOnline: boolean
      progress?: ReplayProgress | undefined
      replayed: number
    })
  /** What nobody has acknowledged: found by the sweep, or after Redis had lost the connection. */
  | (ConnectionJob & { kind: 'missing'; cameOnline: boolean; progress?: ReplayProgress | undefined; replayed: number })
  /** What the client says it lacks, then `sync.completed`. */
  | (ConnectionJob & {
      kind: 'sync'
      requestId?: string | undefined
      conversations: { id: string; afterSeq: number }[]
      completed: { id: string; throughSeq: number; hasMore: boolean }[]
    })
  /** The token of a one-way route has run out: says so, and closes. */
  | (ConnectionJob & { kind: 'expired' })
  /** The user of a one-way route goes on past their limits: the same. */
  | (ConnectionJob & { kind: 'limited'; retryAfterSeconds: number })

export type ReplayQueue = Queue<ReplayJob>

const ReplayQueueConfig = z.object({ REPLAY_QUEUE_URL: z.url() })

export const replayQueueFromEnvironment = (): ReplayQueue =>
  createQueue<ReplayJob>(readConfig(ReplayQueueConfig).REPLAY_QUEUE_URL)

export const connectJob = (
  connection: Connection,
  { withReplay, cameOnline }: { withReplay: boolean; cameOnline: boolean },
): ReplayJob => ({ kind: 'connect', id: randomUUID(), connection, hop: 0, withReplay, cameOnline, replayed: 0 })

export const missingJob = (connection: Connection, cameOnline = false): ReplayJob => ({
  kind: 'missing',
  id: randomUUID(),
  connection,
  hop: 0,
  cameOnline,
  replayed: 0,
})

export const expiredJob = (connection: Connection): ReplayJob => ({
  kind: 'expired',
  id: randomUUID(),
  connection,
  hop: 0,
})

export const limitedJob = (connection: Connection, retryAfterSeconds: number): ReplayJob => ({
  kind: 'limited',
  id: randomUUID(),
  connection,
  hop: 0,
  retryAfterSeconds,
})

export const unroutedJob = ({ conversationId, seq, senderId, recipients, businessId }: Routing): UnroutedJob => ({
  kind: 'unrouted',
  id: randomUUID(),
  hop: 0,
  conversationId,
  seq,
  senderId,
  recipients,
  businessId,
})
