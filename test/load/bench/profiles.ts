import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const patienceMs = 60_000
const pollMs = 100

/** Variables for a host that is profiled: Node writes the profile of its main thread when it ends, the others when `keepProfiles` asks. */
export const profiled = (directory: string): Record<string, string> => ({
  PROFILE_DIRECTORY: directory,
  NODE_OPTIONS: [
    '--cpu-prof',
    `--cpu-prof-dir=${directory}`,
    `--import=${new URL('./profile-functions.ts', import.meta.url)}`,
  ].join(' '),
})

/** Has the host of this process number write what its functions have done since it started. Rejects when it does not within a minute. */
export const keepProfiles = async (directory: string, hostPid: number): Promise<void> => {
  const deadline = performance.now() + patienceMs
  const done = join(directory, 'done')
  await rm(done, { force: true })
  process.kill(hostPid, 'SIGUSR2')
  while (!existsSync(done)) {
    if (performance.now() > deadline) throw new Error(`The profiles of the functions are not all in ${directory}`)
    await delay(pollMs)
  }
  await rm(done)
}
