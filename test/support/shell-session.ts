import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from '../../infra/local/local-directory.ts'
import type { Example } from './page-examples.ts'
import { testStack } from './stack.ts'

/** What was said in the second terminal, and ends whatever runs there. */
export interface ShellSession {
  secondTerminal(): Promise<string>
  end(): Promise<void>
}

const sessionTimeoutMs = 90_000

/** A request that is refused, and a variable that is not set, are mistakes in an example. */
const preamble = `
set -eumo pipefail
curl() { command curl --fail --show-error "$@"; }
`

/** Ends a process and those that it has started. */
const endGroup = (id: number): void => {
  try {
    process.kill(-id, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** What follows begins when the background has said something, which it is to do when it is ready. */
const inBackground = (code: string, { output, groups }: { output: string; groups: string }): string => `
(
${code}) > ${output} 2>&1 &
echo $! >> ${groups}
until [ -s ${output} ]; do sleep 0.1; done`

const run = async (script: string, environment: Record<string, string>): Promise<void> => {
  const child = spawn('bash', ['-c', script], {
    cwd: repository,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: sessionTimeoutMs,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (said += data))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`The examples ended with ${code}:\n${said}`)
}

/** Whether a shell can read a script; it is not run. */
export const readScript = (script: string): Promise<void> =>
  run(`bash -n <<'END_OF_EXAMPLE'\n${script}\nEND_OF_EXAMPLE`, {})

/**
 * Runs the shell examples of a page against the stack of this run, one after the other in one shell: variables live on, addresses
 * and `.local/` are those of the stack, `second terminal` goes on in the background. Blocks with the name of a file are that file.
 * Rejects when a command fails.
 */
export const runShellSession = async (examples: readonly Example[]): Promise<ShellSession> => {
  const { outputs, directory } = testStack()
  const folder = await mkdtemp(join(tmpdir(), 'kaha-chat-examples-'))
  const files = examples.filter(({ language }) => language === 'js').map(({ note }) => note)
  const here = (code: string): string => {
    const addressed = code
      .replaceAll('http://127.0.0.1:3000', outputs.HttpApiUrl)
      .replaceAll('ws://127.0.0.1:3001', outputs.WebSocketUrl)
      .replaceAll('.local/', `${directory.path}/`)
    return files.reduce((text, file) => text.replaceAll(file, join(folder, file)), addressed)
  }
  const output = join(folder, 'second-terminal')
  const groups = join(folder, 'groups')
  const parts: string[] = []
  for (const { language, note, code } of examples) {
    if (language === 'js') await writeFile(join(folder, note), here(code))
    else if (note === 'second terminal') parts.push(inBackground(here(code), { output, groups }))
    else parts.push(here(code))
  }
  const end = async (): Promise<void> => {
    const ids = (await readFile(groups, 'utf8').catch(() => '')).split('\n').filter(Boolean)
    for (const id of ids) endGroup(Number(id))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await run([preamble, ...parts].join('\n'), { LOCAL_DIR: directory.path })
  } catch (error) {
    await end()
    throw error
  }
  return { secondTerminal: () => readFile(output, 'utf8'), end }
}
