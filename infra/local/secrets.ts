import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from './error-code.ts'

const secretBytes = 32

/**
 * The secret in this file (32 bytes in 43 characters that need no escaping anywhere), made on first use and readable by its owner
 * only. It is on the disk before anybody uses it.
 */
export const keptSecret = async (file: string): Promise<string> => {
  await mkdir(dirname(file), { recursive: true })
  try {
    await writeFile(file, randomBytes(secretBytes).toString('base64url'), { mode: 0o600, flag: 'wx', flush: true })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
  return (await readFile(file, 'utf8')).trim()
}
