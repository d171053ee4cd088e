const dayMs = 24 * 60 * 60 * 1000

/** All in days. */
export interface RetentionDays {
  /** A message is hidden when it is older … */
  readonly visible: number
  /** … and kept this much longer before it is purged. */
  readonly audit: number
  /** A deleted message shows as deleted this long after its deletion, then it is purged. The contract says so: not a setting. */
  readonly deletedVisible: number
}

export const retentionDays: RetentionDays = { visible: 90, audit: 7, deletedVisible: 7 }

const daysBefore = (now: Date, days: number): Date => new Date(now.getTime() - days * dayMs)

export interface VisibleSince {
  /** Messages sent at this time or before are past retention. */
  sent: Date
  /** What was deleted at this time or before is gone. */
  deleted: Date
}

/** The read predicate's bounds. Retention is this comparison: nothing has to be rewritten for a message to be out of sight. */
export const visibleSince = (now: Date, days: RetentionDays = retentionDays): VisibleSince => ({
  sent: daysBefore(now, days.visible),
  deleted: daysBefore(now, days.deletedVisible),
})

/** The read predicate itself, for a message that was read before. */
export const isInSight = (
  { sent_at, deleted_at }: { sent_at: Date; deleted_at: Date | null },
  { sent, deleted }: VisibleSince,
): boolean => sent_at > sent && (deleted_at === null || deleted_at > deleted)

export interface PurgedUpTo {
  /** Messages that were sent at this time or before are no longer stored. */
  sent: Date
  /** Nor are those that were deleted at this time or before. */
  deleted: Date
}

/** What the retention job purges; never anything that `visibleSince` shows. */
export const purgedUpTo = (now: Date, days: RetentionDays): PurgedUpTo => ({
  sent: daysBefore(now, days.visible + days.audit),
  deleted: daysBefore(now, days.deletedVisible),
})
