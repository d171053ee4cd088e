import { less, plus, times, type Usage } from './bill.ts'

const secondsOfAMinute = 60

/** What users who are online and do nothing have used, and the frames by which they stayed so. */
export interface Idle {
  readonly usage: Usage
  readonly heartbeats: number
  readonly pings: number
}

/** What one frame of each kind uses. */
export interface FrameUsage {
  readonly heartbeat: Usage
  /** With its answer. */
  readonly ping: Usage
}

/**
 * What the same users use when they send no pings and a heartbeat at this period, each of them for as many minutes as they were connected.
 */
export const atHeartbeat = ({ usage, heartbeats, pings }: Idle, each: FrameUsage, seconds: number): Usage => {
  const sent = plus(times(each.heartbeat, heartbeats), times(each.ping, pings))
  const count = (usage.connectionMinutes * secondsOfAMinute) / seconds
  return plus(less(usage, sent), times(each.heartbeat, count))
}
