import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { wholeNumber } from '../platform/whole-number.ts'
import { type RetentionDays, retentionDays } from './retention.ts'

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

/** How long messages are kept. What reads them and what purges them must have the same. */
export const retentionFromEnvironment = (): RetentionDays => {
  const { RETENTION_DAYS, RETENTION_AUDIT_DAYS } = readConfig(RetentionConfig)
  return { ...retentionDays, visible: RETENTION_DAYS, audit: RETENTION_AUDIT_DAYS }
}
