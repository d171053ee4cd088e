import { randomUUID } from 'node:crypto'
import * as z from 'zod/mini'
import { type Clock, systemClock } from '../platform/clock.ts'
import { readConfig } from '../platform/config.ts'
import { logger } from '../platform/logger.ts'
import { measure } from '../platform/metrics.ts'
import { createQueue, type Queue } from '../platform/queue.ts'

export type AuditAction =
  | 'access.refused'
  | 'agent.added'
  | 'agent.removed'
  | 'conversation.assigned'
  | 'conversation.closed'
  | 'conversation.created'
  | 'conversation.queued'
  | 'conversation.reassigned'
  | 'conversation.reopened'
  | 'key.destroyed'
  | 'key.rotated'
  | 'message.deleted'
  | 'participant.added'
  | 'participant.removed'
  | 'participant.role_changed'
  | 'token.refused'

/** Something that is to be found later: who did what to which conversation, or was refused it. Never content, tokens or names. */
export interface AuditEntry {
  action: AuditAction
  /** Who did it. Nobody: the service did it by itself, or a token was refused, which may say anything. */
  userId?: string | undefined
  /** The business that they manage. */
  businessId?: string | undefined
  /** What it was done to, and as what: ids by what they name (several with spaces between them), a role, a status. */
  target?: Readonly<Record<string, string>>
  /** Users whom it concerns besides: it is found by them, too. */
  others?: readonly string[]
  /** `done` where nothing is said. */
  outcome?: 'done' | 'refused' | 'failed'
  /** For a refusal the code of the problem; for a reassignment what was given as its reason. */
  reason?: string | undefined
  /** Of a refusal: the route of the HTTP API, or the action of a frame. */
  route?: string | undefined
  /** Where it came from, of a refused token. */
  address?: string | undefined
  requestId?: string | undefined
}

/** An entry on its way into the record. */
export type AuditRecord = AuditEntry & {
  id: string
  /** ISO 8601 */
  at: string
}

/** Takes entries for the record. Never rejects: what it is about has happened, or was refused, either way. */
export interface Audit {
  record(...entries: AuditEntry[]): Promise<void>
}

/**
 * By way of a queue, whose worker writes them down; one request for up to ten. What the queue does not take is told to the log,
 * whole, and counted.
 */
export const createAudit = (queue: Queue<AuditRecord>, clock: Clock): Audit => ({
  record: async (...entries) => {
    const at = clock.now().toISOString()
    const records = entries.map(entry => ({ ...entry, id: randomUUID(), at }))
    try {
      await queue.sendAll(records.map(job => ({ job })))
    } catch (error) {
      for (const audit of records) logger.error('An audit entry was not queued', { audit, error: error as Error })
      measure('AuditFailures', records.length)
    }
  },
})

const AuditQueueConfig = z.object({ AUDIT_QUEUE_URL: z.url() })

/** A request waits for its entry to be queued, so that must not take long. */
const inTheWay = { attempts: 1, timeoutMs: 1_000 }

export const auditFromEnvironment = (): Audit =>
  createAudit(createQueue<AuditRecord>(readConfig(AuditQueueConfig).AUDIT_QUEUE_URL, inTheWay), systemClock)
