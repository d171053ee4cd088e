import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildClientPackage } from '../../infra/client-package.ts'

const execute = promisify(execFile)
const runTimeoutMs = 60_000

/** A project of somebody else, with nothing installed but the package of the client. */
export interface ForeignProject {
  readonly path: string
  /** Where the package is installed. */
  readonly package: string
  write(file: string, text: string): Promise<void>
  /** Runs a module of the project, in this Node or in that program; resolves with what it has written. */
  run(code: string, program?: string): Promise<string>
  remove(): Promise<void>
}

export const foreignProject = async (): Promise<ForeignProject> => {
  const path = await mkdtemp(join(tmpdir(), 'kaha-chat-package-'))
  const installed = join(path, 'node_modules/kaha-chat-client')
  await buildClientPackage(installed)
  const write = (file: string, text: string) => writeFile(join(path, file), text)
  await write('package.json', '{"type":"module"}')
  return {
    path,
    package: installed,
    write,
    run: async (code, program = process.execPath) => {
      await write('app.js', code)
      const env = { PATH: process.env.PATH }
      return (await execute(program, [join(path, 'app.js')], { env, timeout: runTimeoutMs })).stdout
    },
    remove: () => rm(path, { recursive: true, force: true }),
  }
}
