import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { wholeNumber } from '../platform/whole-number.ts'
import { type RetentionDays, retentionDays, type VisibleSince, visibleSince } from './retention.ts'

/** Ten years. More is a mistake: seconds or milliseconds where days are read. */
const mostDays = 3_650
const inDays = (least: number) => {
  const error = `In days, ${least} to ${mostDays}`
  return wholeNumber(z.int().min(least, { error }).max(mostDays, { error }))
}

export const RetentionConfig = z.object({
  RETENTION_DAYS: inDays(1).default(retentionDays.visible),
  RETENTION_AUDIT_DAYS: inDays(0).default(retentionDays.audit),
})

let configured: RetentionDays | undefined

/** The read predicate's bounds at this time, by the retention that operators have set; that is read once. */
export const visibleAt = (now: Date): VisibleSince => {
  configured ??= retentionFromEnvironment()
  return visibleSince(now, configured)
}

export const retentionFromEnvironment = (): RetentionDays => {
  const { RETENTION_DAYS, RETENTION_AUDIT_DAYS } = readConfig(RetentionConfig)
  return { ...retentionDays, visible: RETENTION_DAYS, audit: RETENTION_AUDIT_DAYS }
}
