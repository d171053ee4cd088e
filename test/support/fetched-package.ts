import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from '../../infra/local/local-directory.ts'

const run = promisify(execFile)
const fetchTimeoutMs = 90_000

/** One release of a package, as the registry has it. */
export interface Release {
  readonly name: string
  readonly version: string
  /** As `npm view` shows `dist.integrity`. */
  readonly integrity: string
}

/**
 * The folder of a package that is too heavy to be installed for everybody (hundreds of megabytes) and of use to one test. It is
 * fetched from npm's registry once, without what it depends on, and kept; nothing of it is run. Rejects when it is not what its
 * integrity says.
 */
export const fetchedPackage = async ({ name, version, integrity }: Release): Promise<string> => {
  const kept = join(repository, '.local', 'test-packages')
  const folder = join(kept, `${name}-${version}`)
  if (existsSync(folder)) return folder
  await mkdir(kept, { recursive: true })
  const temporary = await mkdtemp(join(kept, 'fetching-'))
  try {
    const pack = ['pack', `${name}@${version}`, '--pack-destination', temporary, '--json', '--prefer-offline']
    await run('npm', pack, { cwd: temporary, timeout: fetchTimeoutMs })
    const archive = join(temporary, `${name}-${version}.tgz`)
    const hash = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')
    if (`sha512-${hash}` !== integrity) throw new Error(`${name}@${version} is not what it was: sha512-${hash}`)
    await run('tar', ['-xzf', archive, '-C', temporary], { timeout: fetchTimeoutMs })
    // Another test may have been quicker.
    await rename(join(temporary, 'package'), folder).catch(error => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return folder
}
