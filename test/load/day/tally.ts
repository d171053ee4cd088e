/** What happened in a day, added up by all who take part. */
export interface Tally {
  arrivals: number
  refusedHandshakes: number
  closedSockets: number
  sent: number
  accepted: number
  /** Attempts that were refused or not answered, by the problem's code; each was repeated. */
  refusedSends: Map<string, number>
  deliveries: number
  /** Messages that took longer than `lateMs` to somebody who was there when they were to be sent. */
  late: number
  typed: number
  read: number
  pages: number
  refusedPages: number
  /** Milliseconds from the intended moment, since they were last taken. */
  ackTimes: number[]
  deliveryTimes: number[]
}

/** Whoever waits for longer looks whether the other is still there. */
export const lateMs = 5_000

export const newTally = (): Tally => ({
  arrivals: 0,
  refusedHandshakes: 0,
  closedSockets: 0,
  sent: 0,
  accepted: 0,
  refusedSends: new Map(),
  deliveries: 0,
  late: 0,
  typed: 0,
  read: 0,
  pages: 0,
  refusedPages: 0,
  ackTimes: [],
  deliveryTimes: [],
})
