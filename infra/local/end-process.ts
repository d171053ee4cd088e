import { setTimeout as delay } from 'node:timers/promises'
import { errorCode } from './error-code.ts'
import { isRunning, type ProcessReference } from './process-identity.ts'

/** The signals that end a server, the gentlest first, each given time to work before the next one. */
export interface Ending {
  readonly signals: readonly NodeJS.Signals[]
  readonly patienceMs: number
}

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}

/** Ends exactly that process; resolves once it is gone. Does nothing if it is gone, even if its number is taken again. */
export const endProcess = async (reference: ProcessReference, { signals, patienceMs }: Ending): Promise<void> => {
  for (const signal of signals) {
    if (!isRunning(reference)) return
    send(reference.pid, signal)
    const deadline = Date.now() + patienceMs
    while (isRunning(reference) && Date.now() < deadline) await delay(10)
  }
  if (isRunning(reference)) throw new Error(`Process ${reference.pid} did not end`)
}
