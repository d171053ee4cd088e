import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { repository } from '../../../infra/local/local-directory.ts'
import { isRunning } from '../../../infra/local/process-identity.ts'
import { withDescendants } from '../stores/descendants.ts'
import { temporaryDirectory } from '../stores/temporary-directory.ts'
import { until } from '../stores/until.ts'

const run = promisify(execFile)

/** Stands in for npm, which takes a minute: leaves what `npm ci` leaves, and notes that it was there. */
const npm = `#!${process.execPath}
const fs = require('node:fs')
fs.appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n')
if (fs.existsSync('npm-fails')) process.exit(1)
setTimeout(() => {
  fs.mkdirSync('node_modules/.bin', { recursive: true })
  fs.rmSync('node_modules/.bin/node', { force: true })
  fs.symlinkSync(process.execPath, 'node_modules/.bin/node')
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json')
}, 300)
`

/** Tells its arguments, then says which signal it got, or that its parent is gone. */
const script = `
console.log(JSON.stringify(process.argv.slice(2)))
if (process.argv[2] === 'exit') process.exit(Number(process.argv[3]))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => { console.log(signal); process.exit(7) })
process.on('disconnect', () => process.exit(0))
setTimeout(() => {}, 20_000)
`

test('package-lock.json names the packages for every platform: without them `npm ci` refuses a fresh clone', async () => {
  const text = await readFile(join(repository, 'package-lock.json'), 'utf8')
  const { packages } = JSON.parse(text) as { packages: Record<string, { optionalDependencies?: object }> }
  const paths = Object.keys(packages)
  const needed = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
  expect(needed.filter(name => !paths.some(path => path.endsWith(`node_modules/${name}`)))).toEqual([])
})

describe('The first command of a newcomer', () => {
  let clone: string
  let children: ChildProcess[] = []
  const bootstrap = (): string => join(clone, 'infra/local/bootstrap.mjs')
  const environment = () => ({ PATH: `${join(clone, 'bin')}:${process.env.PATH}` })
  const lock = (version: string) =>
    writeFile(
      join(clone, 'package-lock.json'),
      JSON.stringify({
        packages: { '': {}, 'node_modules/some': { version }, 'node_modules/mac': { optional: true } },
      }),
    )
  const start = (...args: string[]) =>
    run(process.execPath, [bootstrap(), join(clone, 'script.mjs'), ...args], { env: environment(), timeout: 10_000 })
  const installs = async (): Promise<string[]> =>
    (await readFile(join(clone, 'npm-calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean)

  beforeEach(async () => {
    clone = await temporaryDirectory()
    await mkdir(join(clone, 'infra/local'), { recursive: true })
    await mkdir(join(clone, 'bin'))
    await copyFile(join(repository, 'infra/local/bootstrap.mjs'), bootstrap())
    await writeFile(join(clone, 'script.mjs'), script)
    await writeFile(join(clone, 'bin/npm'), npm)
    await chmod(join(clone, 'bin/npm'), 0o755)
    await lock('1.0.0')
  })
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL')
    children = []
  })

  test('installs the packages before it runs the script, once, and again when package-lock.json has changed', async () => {
    const { stdout } = await start('exit', '0', 'a b')
    expect(stdout).toMatch(/^Installing 1 packages .*\n.*all in place.*\n\["exit","0","a b"\]\n$/)
    expect(await installs()).toEqual(['ci --include=dev --no-audit --no-fund --loglevel=error'])

    expect((await start('exit', '0')).stdout).toBe('["exit","0"]\n')
    expect(await installs()).toHaveLength(1)

    await lock('1.0.1')
    await start('exit', '0')
    expect(await installs()).toHaveLength(2)
  })

  test('installs once for two that start at the same time', async () => {
    const [first, second] = await Promise.all([start('exit', '0'), start('exit', '0')])
    expect(await installs()).toHaveLength(1)
    expect(first.stdout + second.stdout).toContain('Another process is installing the packages')
  })

  test('takes over from an installation that was killed', async () => {
    await mkdir(join(clone, '.local'))
    const { stdout: dead } = await run(process.execPath, ['-p', 'process.pid'])
    await writeFile(join(clone, '.local/install.lock'), dead)
    await start('exit', '0')
    expect(await installs()).toHaveLength(1)
  })

  test('says so when the packages can not be installed', async () => {
    await writeFile(join(clone, 'npm-fails'), '')
    await expect(start('exit', '0')).rejects.toMatchObject({
      code: 1,
      stderr: 'npm ci failed (exit code 1): see above.\n',
    })
    await rm(join(clone, 'npm-fails'))
    expect((await start('exit', '0')).stdout).toContain('["exit","0"]')
  })

  test('ends with the exit code of the script', async () => {
    await expect(start('exit', '3')).rejects.toMatchObject({ code: 3 })
  })

  test('says in one line that Node is too old', async () => {
    const old = join(clone, 'old.mjs')
    await writeFile(old, `Object.defineProperty(process.versions, 'node', { value: '18.20.0' })`)
    const refused = run(process.execPath, ['--import', old, bootstrap(), 'x'], { env: environment() })
    await expect(refused).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^kaha-chat needs Node 20 or newer; this is .*\n$/),
    })
  })

  const startWaiting = async (command: string, args: readonly string[]) => {
    const child = spawn(command, args, { cwd: clone, env: environment(), stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    const lines: string[] = []
    createInterface({ input: child.stdout }).on('line', line => lines.push(line))
    await until('the script runs', () => lines.includes('["wait"]'))
    return { child, lines, processes: withDescendants(child.pid ?? 0) }
  }

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'passes %s on to the script and waits for its end',
    async signal => {
      const { child, lines } = await startWaiting(process.execPath, [bootstrap(), join(clone, 'script.mjs'), 'wait'])
      child.kill(signal)
      expect(await once(child, 'exit')).toEqual([7, null])
      expect(lines.at(-1)).toBe(signal)
    },
  )

  test('ends the script when it is killed itself', async () => {
    const { child, processes } = await startWaiting(process.execPath, [bootstrap(), join(clone, 'script.mjs'), 'wait'])
    expect(processes).toHaveLength(2)
    child.kill('SIGKILL')
    await until('the script has ended', () => !processes.some(isRunning), 5_000)
  })

  test('ends the script when the npm that started it is killed', async () => {
    const parent = join(clone, 'parent.mjs')
    await writeFile(
      parent,
      `import { spawn } from 'node:child_process'
      spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit', env: { ...process.env, npm_lifecycle_event: 'start' } })`,
    )
    const args = [parent, bootstrap(), join(clone, 'script.mjs'), 'wait']
    const { child, processes } = await startWaiting(process.execPath, args)
    expect(processes).toHaveLength(3)
    child.kill('SIGKILL')
    await until('the script has ended', () => !processes.some(isRunning), 5_000)
  })
})
