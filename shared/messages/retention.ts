const dayMs = 24 * 60 * 60 * 1000

/** Days. A message is hidden when it is older, and a deleted one that long after its deletion. */
export const retentionDays = { visible: 90, deletedVisible: 7 } as const

export interface VisibleSince {
  /** Messages sent before this are past retention. */
  sent: Date
  /** What was deleted before this is gone. */
  deleted: Date
}

/** The read predicate's bounds. Retention is this comparison: nothing has to be rewritten for a message to be out of sight. */
export const visibleSince = (now: Date): VisibleSince => ({
  sent: new Date(now.getTime() - retentionDays.visible * dayMs),
  deleted: new Date(now.getTime() - retentionDays.deletedVisible * dayMs),
})
