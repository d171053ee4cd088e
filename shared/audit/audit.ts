import { logger } from '../platform/logger.ts'

/** Something that is to be found later: who did what, or was refused it. Never content, tokens or names. */
export interface AuditEntry {
  action: 'access.refused' | 'conversation.reassigned'
  /** Who did it. */
  userId: string
  /** The business that they manage. */
  businessId?: string | undefined
  /** The route of the HTTP API, or the action of a frame. */
  route: string
  /** The ids that were named. */
  target: Readonly<Record<string, string>>
  /** For a refusal the code of the problem; for a reassignment what was given as its reason. */
  reason?: string | undefined
  requestId?: string | undefined
}

/** Takes entries for the record. Never rejects: what it is about has happened, or was refused, either way. */
export interface Audit {
  record(entry: AuditEntry): Promise<void>
}

/** To the log, as lines of their own. */
export const createAudit = (): Audit => ({
  record: async entry => logger.info('Audit', { audit: entry }),
})
