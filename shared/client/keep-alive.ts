import type { Environment } from './environment.ts'

/** A socket that brings nothing for this long is asked for a sign of life … */
const silenceMs = 30_000
/** … and given up when none comes within this: a dead one is noticed after 40 s. */
const patienceMs = 10_000

/** The service takes whoever sends nothing for 30 s as offline. */
const defaultHeartbeatSeconds = 15

export interface KeepAlive {
  /** Something was sent, which counts as a heartbeat. */
  sent(): void
  /** Something came. */
  received(): void
  setHeartbeat(seconds: number): void
  stop(): void
}

/** Has a heartbeat sent when nothing else is, and notices when the other side is gone without a word. */
export const keepAlive = (
  { after }: Pick<Environment, 'after'>,
  { beat, ask, giveUp }: { beat: () => void; ask: () => void; giveUp: () => void },
): KeepAlive => {
  let heartbeatMs = defaultHeartbeatSeconds * 1000
  let cancelBeat = () => {}
  let cancelWatch = () => {}
  const sent = () => {
    cancelBeat()
    cancelBeat = after(heartbeatMs, beat)
  }
  const received = () => {
    cancelWatch()
    cancelWatch = after(silenceMs, () => {
      cancelWatch = after(patienceMs, giveUp)
      ask()
    })
  }
  sent()
  received()
  return {
    sent,
    received,
    setHeartbeat: seconds => {
      heartbeatMs = seconds * 1000
      sent()
    },
    stop: () => {
      cancelBeat()
      cancelWatch()
    },
  }
}
