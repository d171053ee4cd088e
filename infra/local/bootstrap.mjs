// Runs on the machine's own Node, before anything is installed: no packages, no TypeScript, no new syntax.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const nodeModules = join(root, 'node_modules')
const projectNode = join(nodeModules, '.bin', 'node')
const installLock = join(root, '.local', 'install.lock')

const oldestNode = 20
const installTimeoutMs = 15 * 60 * 1000
const progressEveryMs = 3_000

const fail = message => {
  console.error(message)
  process.exit(1)
}
const wait = ms => new Promise(resolve => setTimeout(resolve, ms))
const read = file => (existsSync(file) ? readFileSync(file, 'utf8') : '')

/** The child that does the work now, and the signal that it was given. */
let running
let stopping
const stop = signal => {
  stopping = signal
  running?.kill(signal)
}

const packagesOf = file => Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages).filter(([path]) => path)

/** Whether all that package-lock.json asks for is there: npm writes down what it has installed when it is done. */
const isInstalled = () => {
  const record = join(nodeModules, '.package-lock.json')
  if (!existsSync(record) || !existsSync(projectNode)) return false
  const present = new Map(packagesOf(record))
  return packagesOf(join(root, 'package-lock.json')).every(([path, { optional, version, integrity }]) => {
    const installed = present.get(path)
    return installed ? installed.version === version && installed.integrity === integrity : optional
  })
}

const isAlive = pid => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Waits until nobody else installs; false when that left nothing to do. */
const takeInstallLock = async () => {
  mkdirSync(dirname(installLock), { recursive: true })
  const deadline = Date.now() + installTimeoutMs
  for (let waited = false; Date.now() < deadline; waited = true) {
    try {
      writeFileSync(installLock, String(process.pid), { flag: 'wx' })
      return !waited || !isInstalled()
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!waited) console.log('Another process is installing the packages: waiting for it …')
    const holder = Number(read(installLock))
    await wait(500)
    if (holder > 0 && !isAlive(holder) && Number(read(installLock)) === holder) rmSync(installLock, { force: true })
  }
  return fail(`The packages could not be installed: ${installLock} is still held. Remove it and try again.`)
}

const install = async () => {
  const packages = packagesOf(join(root, 'package-lock.json'))
    .filter(([, { optional }]) => !optional)
    .map(([path]) => join(root, path, 'package.json'))
  const started = Date.now()
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`
  console.log(`Installing ${packages.length} packages (npm ci; once, and after package-lock.json changes) …`)
  const npm = spawn('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: installTimeoutMs,
  })
  running = npm
  const progress = setInterval(() => {
    console.log(`  ${packages.filter(file => existsSync(file)).length} of ${packages.length} in place, ${seconds()}`)
  }, progressEveryMs)
  const code = await new Promise(resolve => {
    npm.on('error', error => fail(`npm could not be started: ${error.message}`))
    npm.on('exit', resolve)
  })
  clearInterval(progress)
  running = undefined
  if (stopping) process.exit(1)
  if (code !== 0) fail(`npm ci failed (exit code ${code}): see above.`)
  if (!existsSync(projectNode)) {
    fail('npm ci left out node_modules/.bin/node: are install scripts switched off (npm config get ignore-scripts)?')
  }
  console.log(`  all in place, ${seconds()}`)
}

const ensureInstalled = async () => {
  if (isInstalled()) return
  const mustInstall = await takeInstallLock()
  const release = () => rmSync(installLock, { force: true })
  process.on('exit', release)
  if (mustInstall) await install()
  process.off('exit', release)
  release()
}

/** Ends with the script, and with its exit code. Its channel to us tells it when we are killed. */
const run = async args => {
  const child = spawn(projectNode, args, { cwd: root, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  running = child
  const [code, signal] = await new Promise(resolve => {
    child.on('error', error => fail(`${projectNode} could not be started: ${error.message}`))
    child.on('exit', (...result) => resolve(result))
  })
  process.exit(code ?? 128 + (signal === 'SIGINT' ? 2 : 15))
}

const main = async () => {
  if (Number(process.versions.node.split('.')[0]) < oldestNode) {
    fail(`kaha-chat needs Node ${oldestNode} or newer; this is ${process.version}. See https://nodejs.org/en/download`)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(signal))
  if (process.env.npm_lifecycle_event) {
    // A killed npm sends no signal: its place as our parent is taken by another process.
    const npm = process.ppid
    setInterval(() => process.ppid !== npm && stop('SIGTERM'), 1_000).unref()
  }
  await ensureInstalled()
  await run(process.argv.slice(2))
}

main().catch(error => fail(error.stack))
