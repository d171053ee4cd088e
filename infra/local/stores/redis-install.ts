import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { platform } from 'node:os'
import { promisify } from 'node:util'
import { asRoot, findProgram, installAdvice, installPackage } from '../system-packages.ts'

const run = promisify(execFile)

const findServer = (): string | undefined => findProgram('valkey-server', 'redis-server')

const packageNames = { apt: 'redis-server', brew: 'redis' }

/** The package of Linux starts a service of its own, which we do not need and nobody asked for. */
const stopService = async (): Promise<void> => {
  const root = await asRoot()
  if (!root || platform() === 'darwin') return
  const [program = '', ...args] = existsSync('/run/systemd/system')
    ? [...root, 'systemctl', 'disable', '--now', 'redis-server']
    : [...root, '/etc/init.d/redis-server', 'stop']
  await run(program, args, { timeout: 30_000 }).catch(() => {})
}

/**
 * The path of a Redis or Valkey server. Where there is none it is installed: with apt-get as root or with a sudo that asks
 * nothing, with brew on a Mac. Throws one line that says what to run where neither is possible.
 */
export const redisServer = async (log: (text: string) => void): Promise<string> => {
  const present = findServer()
  if (present) return present
  if (await installPackage(packageNames, log)) await stopService()
  const installed = findServer()
  if (installed) return installed
  const advice = installAdvice(packageNames)
  throw new Error(
    `Redis is missing. Run: ${advice ?? 'install redis-server or valkey-server with the package manager of this system'}`,
  )
}
