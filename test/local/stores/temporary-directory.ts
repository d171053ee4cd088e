import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from '@jest/globals'

const made: string[] = []
afterAll(() => Promise.all(made.map(directory => rm(directory, { recursive: true, force: true }))))

/** A directory that nobody else may enter; removed after the tests of the file. */
export const temporaryDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'kaha-chat-'))
  made.push(directory)
  return directory
}
