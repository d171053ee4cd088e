import { execFile } from 'node:child_process'
import { chown, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { type Ending, endProcess } from '../end-process.ts'
import { freePort } from '../free-port.ts'
import { commandLine, processIdentity } from '../process-identity.ts'
import { keptSecret } from '../secrets.ts'
import { endLeftover, startServerProcess } from '../server-process.ts'
import {
  asPostgresUser,
  type PostgresBinaries,
  postgresBinaries,
  postgresUser,
  postgresVersion,
} from './postgres-binaries.ts'
import { type Store, type StoreOptions, untilReady } from './store.ts'

const run = promisify(execFile)

const administrator = 'postgres'
const application = 'kaha_chat'
const initTimeoutMs = 60_000
/** After a crash Postgres first repeats what its log holds. */
const readyTimeoutMs = 60_000

/** Fast shutdown, then immediate shutdown (the next start repeats the log), then the end. */
const ending: Ending = { signals: ['SIGINT', 'SIGQUIT', 'SIGKILL'], patienceMs: 1_500 }

const parameters = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  // As the parameter group on AWS has them.
  statement_timeout: '8s',
  idle_in_transaction_session_timeout: '10s',
  log_error_verbosity: 'terse',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %a ',
}

const processFileIn = (directory: string): string => join(directory, 'process.json')

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** Makes the data directory, all or nothing. Its collation is Postgres's own, the same on every system. */
const initialise = async (data: string, passwordFile: string, { initdb }: PostgresBinaries): Promise<void> => {
  const unfinished = `${data}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  if (postgresUser !== undefined) await chown(unfinished, postgresUser, -1)
  const { command, args } = asPostgresUser(initdb, [
    `--pgdata=${unfinished}`,
    `--username=${administrator}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ])
  await run(command, args, { cwd: unfinished, timeout: initTimeoutMs })
  await rename(unfinished, data)
}

const checkData = async (data: string, version: string): Promise<void> => {
  const { uid } = await stat(data)
  if (postgresUser !== undefined && uid !== postgresUser) {
    throw new Error(
      `${data} was made by another user (${uid}). Remove it as that user, or set LOCAL_DIR to another place`,
    )
  }
  const made = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim()
  if (made !== version.split('.')[0]) {
    throw new Error(`${data} was made by Postgres ${made}, this is ${version}. Start once with: npm start -- --fresh`)
  }
}

/**
 * A crash leaves `postmaster.pid` behind, and Postgres refuses to start when that number belongs to any process. If it is a
 * Postgres with this data it is ended; if it is somebody else, who has got the number since, the file says nothing.
 */
const removeStaleLock = async (data: string): Promise<void> => {
  const lock = join(data, 'postmaster.pid')
  const pid = Number((await readFile(lock, 'utf8').catch(() => '')).split('\n')[0])
  const identity = pid > 0 ? processIdentity(pid) : undefined
  if (identity === undefined) return
  if (commandLine(pid).includes(data)) await endProcess({ pid, identity }, ending)
  await rm(lock, { force: true })
}

const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 10_000 })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** The role and the database of the service. As on AWS the role owns its database and is no superuser. */
const createDatabase = async (client: pg.Client, password: string): Promise<void> => {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [application])
  if (rowCount) return
  await client.query(`drop role if exists ${application}`)
  await client.query(`create role ${application} login createdb password ${client.escapeLiteral(password)}`)
  await client.query(`create database ${application} owner ${application}`)
}

/**
 * Starts the Postgres of `directory` on 127.0.0.1, making its data on the first start; resolves when the database answers.
 * Nothing is less durable than by default. After a crash, of whatever, it starts as usual; a server that was left behind in this
 * directory is ended first.
 */
export const startPostgres = async ({
  directory,
  port,
  logFile,
  log,
  parameters: more = {},
}: StoreOptions & { parameters?: Readonly<Record<string, string>> }): Promise<Store> => {
  const binaries = postgresBinaries()
  const version = await postgresVersion(binaries)
  const data = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  await mkdir(directory, { recursive: true })
  await endLeftover(processFileIn(directory), ending)
  const password = await keptSecret(passwordFile)
  if (!(await exists(data))) {
    log('making its data directory')
    await initialise(data, passwordFile, binaries)
  }
  await checkData(data, version)
  await removeStaleLock(data)

  const chosenPort = port ?? (await freePort())
  const settings = Object.entries({ ...parameters, ...more, port: String(chosenPort) })
  const server = await startServerProcess({
    ...asPostgresUser(binaries.postgres, [
      '-D',
      data,
      ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]),
    directory: data,
    logFile,
    processFile: processFileIn(directory),
    ending,
  })
  const url = (user: string, database: string) => `postgresql://${user}:${password}@127.0.0.1:${chosenPort}/${database}`
  const client = await untilReady(server, {
    name: 'Postgres',
    logFile,
    timeoutMs: readyTimeoutMs,
    ask: () => connect(url(administrator, 'postgres')),
  })
  try {
    await createDatabase(client, password)
  } catch (error) {
    await server.kill()
    throw error
  } finally {
    await client.end().catch(() => {})
  }
  return { ...server, url: url(application, application), port: chosenPort, title: `Postgres ${version}` }
}

/** Removes the data of a Postgres that does not run; one that a lost host left behind is ended first. */
export const removePostgres = async (directory: string): Promise<void> => {
  await endLeftover(processFileIn(directory), ending)
  await rm(directory, { recursive: true, force: true })
}
