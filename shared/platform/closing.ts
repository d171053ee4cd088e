import { setTimeout as delay } from 'node:timers/promises'

const closers: (() => Promise<unknown>)[] = []

/** Lambda ends the process 300 ms after it has told it to. */
const mostMs = 250

const closeAll = async (): Promise<void> => {
  await Promise.race([Promise.allSettled(closers.map(close => close())), delay(mostMs)])
  process.exit()
}

/**
 * Has a pool or a connection closed when this process is told to end, so that its server does not keep it until a time-out. To
 * be counted on by nobody: Lambda tells only those of its environments that have an extension.
 */
export const closeAtEnd = (close: () => Promise<unknown>): void => {
  if (closers.push(close) === 1) process.once('SIGTERM', () => void closeAll())
}
