import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { platform } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Places of packages that a shell's PATH may leave out. */
const otherPlaces = [
  '/usr/bin',
  '/usr/sbin',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
  '/opt/valkey/bin',
]

const installTimeoutMs = 10 * 60 * 1000

/** The path of the first of these programs that is installed. */
export const findProgram = (...names: readonly string[]): string | undefined => {
  const places = [...(process.env.PATH ?? '').split(delimiter), ...otherPlaces].filter(Boolean)
  return names.flatMap(name => places.map(place => join(place, name))).find(existsSync)
}

/** Runs a command in sight; true when it went well. */
const show = async (command: readonly string[]): Promise<boolean> => {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], timeout: installTimeoutMs })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code === 0
}

/** The words before a command that needs root; undefined when there is no way to be root without being asked something. */
export const asRoot = async (): Promise<string[] | undefined> => {
  if (process.getuid?.() === 0) return []
  const allowed = await run('sudo', ['-n', 'true'], { timeout: 5_000 }).then(
    () => true,
    () => false,
  )
  return allowed ? ['sudo', '-n'] : undefined
}

const installByApt = async (name: string, log: (text: string) => void): Promise<boolean> => {
  const root = await asRoot()
  if (!root) return false
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
  log(`installing ${name} (apt-get)`)
  // One source of packages that does not answer fails this, and may not be the one that is needed.
  await show([...apt, 'update'])
  return show([...apt, 'install', '-y', '--no-install-recommends', name])
}

const installByBrew = (brew: string, name: string, log: (text: string) => void): Promise<boolean> => {
  log(`installing ${name} (brew)`)
  return show(['env', 'HOMEBREW_NO_AUTO_UPDATE=1', brew, 'install', name])
}

/** What a package is called by the package managers that are used here; absent: not installed by that one. */
export interface PackageNames {
  readonly apt?: string
  readonly brew?: string
}

/** Installs a package, with apt-get as root or with a sudo that asks nothing, with brew on a Mac. @returns whether it did. */
export const installPackage = async ({ apt, brew }: PackageNames, log: (text: string) => void): Promise<boolean> => {
  if (platform() === 'darwin') {
    const program = findProgram('brew')
    return program !== undefined && brew !== undefined && installByBrew(program, brew, log)
  }
  return apt !== undefined && findProgram('apt-get') !== undefined && installByApt(apt, log)
}

/** What to run by hand to install it; undefined when it is not known for this system. */
export const installAdvice = ({ apt, brew }: PackageNames): string | undefined => {
  if (platform() === 'darwin') return brew && `brew install ${brew}`
  return apt && findProgram('apt-get') && `sudo apt-get update && sudo apt-get install -y ${apt}`
}
