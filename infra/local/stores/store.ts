import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServerProcess } from '../server-process.ts'

/** A Postgres or Redis that runs for this stack alone. Started again with the same directory and port, it is the same store. */
export interface Store extends ServerProcess {
  readonly url: string
  readonly port: number
  /** Name and version, to show. */
  readonly title: string
}

export interface StoreOptions {
  /** Made when it is missing; everything of the store but its log is in it. */
  readonly directory: string
  /** By default a free one. */
  readonly port?: number | undefined
  readonly logFile: string
  /** Told what takes its time. */
  readonly log: (text: string) => void
}

const pollMs = 25
const tailBytes = 2_000

const tail = (file: string): string => {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const buffer = Buffer.alloc(Math.min(size, tailBytes))
    readSync(descriptor, buffer, 0, buffer.length, size - buffer.length)
    return buffer.toString()
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Asks until the server answers. When it ends before that, or does not answer in time, it is ended and the error shows the
 * end of its log.
 */
export const untilReady = async <Answer>(
  server: ServerProcess,
  { name, logFile, timeoutMs, ask }: { name: string; logFile: string; timeoutMs: number; ask: () => Promise<Answer> },
): Promise<Answer> => {
  const deadline = Date.now() + timeoutMs
  let end: string | undefined
  server.ended.then(
    how => (end = how),
    error => (end = String(error)),
  )
  for (let failure: unknown; ; ) {
    try {
      if (end === undefined) return await ask()
    } catch (error) {
      failure = error
    }
    if (end !== undefined || Date.now() > deadline) {
      const reason = end === undefined ? `did not answer within ${timeoutMs / 1000} s` : `ended (${end})`
      await server.kill()
      throw new Error(`${name} ${reason}. The end of ${logFile}:\n${tail(logFile)}`, { cause: failure })
    }
    await delay(pollMs)
  }
}
