import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { platform } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const names = ['valkey-server', 'redis-server']
/** Places of packages that a shell's PATH may leave out. */
const otherPlaces = [
  '/usr/bin',
  '/usr/sbin',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
  '/opt/valkey/bin',
]

const find = (program: string): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), ...otherPlaces]
    .filter(Boolean)
    .map(place => join(place, program))
    .find(existsSync)

const findServer = (): string | undefined => names.map(find).find(file => file !== undefined)

const installTimeoutMs = 10 * 60 * 1000

/** Runs a command in sight; true when it went well. */
const show = async (command: readonly string[]): Promise<boolean> => {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], timeout: installTimeoutMs })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code === 0
}

/** The words before a command that needs root; undefined when there is no way to be root without being asked something. */
const asRoot = async (): Promise<string[] | undefined> => {
  if (process.getuid?.() === 0) return []
  const allowed = await run('sudo', ['-n', 'true'], { timeout: 5_000 }).then(
    () => true,
    () => false,
  )
  return allowed ? ['sudo', '-n'] : undefined
}

/** The package starts a service of its own, which we do not need and nobody asked for. */
const stopService = async (root: readonly string[]): Promise<void> => {
  const [program = '', ...args] = existsSync('/run/systemd/system')
    ? [...root, 'systemctl', 'disable', '--now', 'redis-server']
    : [...root, '/etc/init.d/redis-server', 'stop']
  await run(program, args, { timeout: 30_000 }).catch(() => {})
}

const installByApt = async (log: (text: string) => void): Promise<void> => {
  const root = await asRoot()
  if (!root) return
  // In this runlevel, and with these answers, packages start no services and ask nothing.
  const apt = [
    ...root,
    'env',
    'RUNLEVEL=1',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-q',
    '-oDPkg::Lock::Timeout=300',
  ]
  log('installing redis-server (apt-get)')
  // One source of packages that does not answer fails this, and may not be the one that is needed.
  await show([...apt, 'update'])
  if (await show([...apt, 'install', '-y', '--no-install-recommends', 'redis-server'])) await stopService(root)
}

const installByBrew = async (brew: string, log: (text: string) => void): Promise<void> => {
  log('installing redis (brew)')
  await show(['env', 'HOMEBREW_NO_AUTO_UPDATE=1', brew, 'install', 'redis'])
}

/** What to run by hand, where it could not be installed here. */
const advice = (): string => {
  if (platform() === 'darwin') return 'brew install redis'
  if (find('apt-get')) return 'sudo apt-get update && sudo apt-get install -y redis-server'
  return 'install redis-server or valkey-server with the package manager of this system'
}

/**
 * The path of a Redis or Valkey server. Where there is none it is installed: with apt-get as root or with a sudo that asks
 * nothing, with brew on a Mac. Throws one line that says what to run where neither is possible.
 */
export const redisServer = async (log: (text: string) => void): Promise<string> => {
  const present = findServer()
  if (present) return present
  const brew = platform() === 'darwin' ? find('brew') : undefined
  if (brew) await installByBrew(brew, log)
  else if (find('apt-get')) await installByApt(log)
  const installed = findServer()
  if (!installed) throw new Error(`Redis is missing. Run: ${advice()}`)
  return installed
}
