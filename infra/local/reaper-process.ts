import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { endProcess } from './end-process.ts'
import type { ReaperOrder, Watched } from './reaper.ts'

// Ends what a host left behind. It lives as long as its standard input: when the host is gone, however it went, the pipe
// closes. In a process group of its own, so that what ends the host (Ctrl-C, a killed group) does not end this too.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

const watched = new Map<number, Watched>()
const directories: string[] = []
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as ReaperOrder
  if ('watch' in order) watched.set(order.watch.pid, order.watch)
  else if ('forget' in order) watched.delete(order.forget)
  else directories.push(order.remove)
}
await Promise.allSettled(Array.from(watched.values(), one => endProcess(one, one)))
await Promise.allSettled(directories.map(directory => rm(directory, { recursive: true, force: true, maxRetries: 3 })))
