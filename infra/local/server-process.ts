import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type Ending, endProcess } from './end-process.ts'
import { type ProcessReference, processIdentity } from './process-identity.ts'
import { endedBeforeUs, endWithUs } from './reaper.ts'

export interface ServerProcess {
  readonly pid: number
  /** Resolves when the process is gone, with how it went: `exit code 1`, `SIGKILL`. */
  readonly ended: Promise<string>
  /** Resolves when the process is gone. Repeating it does nothing. */
  stop(): Promise<void>
  /** SIGKILL, for tests of crashes; resolves when the process is gone. */
  kill(): Promise<void>
}

export interface ServerProcessOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly directory: string
  /** Standard output and error are appended here. */
  readonly logFile: string
  /** Where the process is remembered, so that the next start finds one that was left behind. */
  readonly processFile: string
  readonly ending: Ending
}

const readProcessFile = (file: string): ProcessReference | undefined => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessReference
  } catch {
    return undefined
  }
}

/** Ends the server that a lost host left behind, if there is one. */
export const endLeftover = async (processFile: string, ending: Ending): Promise<void> => {
  const leftover = readProcessFile(processFile)
  if (leftover) await endProcess(leftover, ending)
  rmSync(processFile, { force: true })
}

/**
 * Starts a server in a process group of its own (Ctrl-C is for the host, which ends its servers in order), and makes sure
 * that it ends with the host, however the host ends.
 */
export const startServerProcess = async (options: ServerProcessOptions): Promise<ServerProcess> => {
  const { command, args, directory, logFile, processFile, ending } = options
  const log = openSync(logFile, 'a')
  const child = spawn(command, args, { cwd: directory, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  const { pid } = child
  if (pid === undefined) {
    await ended
    throw new Error(`${command} did not start`)
  }
  const identity = processIdentity(pid) ?? ''
  endWithUs({ pid, identity, ...ending })
  writeFileSync(processFile, JSON.stringify({ pid, identity }))
  const forgotten = ended.finally(() => {
    endedBeforeUs(pid)
    rmSync(processFile, { force: true })
  })
  const end = async (how: Ending): Promise<void> => {
    await endProcess({ pid, identity }, how)
    await forgotten
  }
  return {
    pid,
    ended: forgotten,
    stop: () => end(ending),
    kill: () => end({ signals: ['SIGKILL'], patienceMs: ending.patienceMs }),
  }
}
