import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Ending } from './end-process.ts'
import type { ProcessReference } from './process-identity.ts'

export type Watched = ProcessReference & Ending
export type ReaperOrder = { watch: Watched } | { forget: number } | { remove: string }

const program = fileURLToPath(new URL('./reaper-process.ts', import.meta.url))

let reaper: ChildProcessByStdio<Writable, null, null> | undefined
const watched = new Set<number>()

const give = (order: ReaperOrder): void => {
  if (!reaper) {
    reaper = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
    })
    reaper.unref()
    if (reaper.stdin instanceof Socket) reaper.stdin.unref()
    // Its end shows on the next start at the latest: what it should have ended is found by its process file.
    reaper.on('error', () => {})
    reaper.stdin.on('error', () => {})
  }
  reaper.stdin.write(`${JSON.stringify(order)}\n`)
}

/** From here on that process ends when this one does, even by SIGKILL: a small process of its own sees to it. */
export const endWithUs = (process: Watched): void => {
  watched.add(process.pid)
  give({ watch: process })
}

/** To be called when that process has ended. */
export const endedBeforeUs = (pid: number): void => {
  if (!watched.delete(pid)) return
  give({ forget: pid })
  if (watched.size > 0) return
  reaper?.stdin.end()
  reaper = undefined
}

/** The directory is removed when this process is gone, or before that when the last of those that end with it is. */
export const removeAfterUs = (directory: string): void => give({ remove: directory })
