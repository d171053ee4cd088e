/**
 * Loaded into the host of a stack that is to be profiled, before it (`--import`): profiles each function's thread from its start on. At
 * SIGUSR2 it writes what there is into the directory `PROFILE_DIRECTORY`, a file for each thread, and at last `done`.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CPUProfileHandle } from 'node:v8'
import type { Worker } from 'node:worker_threads'

const directory = process.env.PROFILE_DIRECTORY ?? '.'
await mkdir(directory, { recursive: true })
const profiles = new Map<Worker, Promise<CPUProfileHandle>>()

process.on('worker', worker => {
  worker.once('online', () => profiles.set(worker, worker.startCpuProfile()))
  worker.once('exit', () => profiles.delete(worker))
})
process.on('SIGUSR2', async () => {
  for (const [{ threadName, threadId }, profile] of profiles) {
    await writeFile(join(directory, `${threadName}.${threadId}.cpuprofile`), await (await profile).stop())
  }
  await writeFile(join(directory, 'done'), '')
})
