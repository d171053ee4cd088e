import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import type { Ending } from '../end-process.ts'
import { freePort } from '../free-port.ts'
import { endLeftover, startServerProcess } from '../server-process.ts'
import { redisServer } from './redis-install.ts'
import { type Store, type StoreOptions, untilReady } from './store.ts'

const run = promisify(execFile)

const slots = 16_384
/** Cluster nodes talk on their port + 10,000. */
const busOffset = 10_000
/** A node that has just started takes 2 s before it serves. */
const readyTimeoutMs = 15_000
const ending: Ending = { signals: ['SIGTERM', 'SIGKILL'], patienceMs: 1_500 }

/** What ElastiCache Serverless refuses. */
const refused = ['acl', 'bgrewriteaof', 'bgsave', 'config', 'debug', 'migrate', 'module', 'psync', 'replicaof', 'save']
  .concat(['shutdown', 'slaveof', 'sync'])
  .map(command => `-${command}`)

const configuration = (port: number, directory: string, administratorPassword: string): string =>
  [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir "${directory}"`,
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    'cluster-announce-ip 127.0.0.1',
    'save ""',
    'appendonly no',
    // As on ElastiCache Serverless: only keys that expire make room.
    'maxmemory 256mb',
    'maxmemory-policy volatile-lru',
    `user default on nopass ~* &* +@all ${refused.join(' ')}`,
    `user administrator on >${administratorPassword} ~* &* +@all`,
  ].join('\n')

/** `Redis 7.0.15`, `Valkey 8.1.1` */
const serverTitle = async (server: string): Promise<string> => {
  const { stdout } = await run(server, ['--version'], { timeout: 5_000 })
  const version = /v=([\d.]+)/.exec(stdout)?.[1] ?? ''
  return `${stdout.startsWith('Valkey') ? 'Valkey' : 'Redis'} ${version}`
}

const becomeCluster = async (redis: Redis): Promise<void> => {
  const info = String(await redis.cluster('INFO'))
  if (info.includes('cluster_slots_assigned:0')) {
    await redis.cluster('ADDSLOTS', ...Array.from({ length: slots }, (_, slot) => slot))
  }
  if (!info.includes('cluster_state:ok')) throw new Error('The cluster is not ready yet')
}

/**
 * Starts an empty Redis or Valkey on 127.0.0.1: a cluster of one node that has all slots, as ElastiCache Serverless looks to
 * its clients (commands over several slots are refused, so are those of an administrator). Keeps nothing on disk. Resolves
 * when it serves, about 2 s later. A server that was left behind in this directory is ended first.
 */
export const startRedis = async ({ directory, port, logFile, log }: StoreOptions): Promise<Store> => {
  const command = await redisServer(log)
  const title = await serverTitle(command)
  const processFile = join(directory, 'process.json')
  const configurationFile = join(directory, 'redis.conf')
  await mkdir(directory, { recursive: true })
  await endLeftover(processFile, ending)
  await rm(join(directory, 'nodes.conf'), { force: true })

  const chosenPort = port ?? (await freePort(busOffset))
  const password = randomBytes(16).toString('hex')
  await writeFile(configurationFile, configuration(chosenPort, directory, password), { mode: 0o600 })
  const server = await startServerProcess({
    command,
    args: [configurationFile],
    directory,
    logFile,
    processFile,
    ending,
  })
  const administrator = new Redis({
    host: '127.0.0.1',
    port: chosenPort,
    username: 'administrator',
    password,
    connectTimeout: 1_000,
    commandTimeout: 2_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 50,
  })
  administrator.on('error', () => {})
  try {
    await untilReady(server, {
      name: title,
      logFile,
      timeoutMs: readyTimeoutMs,
      ask: () => becomeCluster(administrator),
    })
  } finally {
    administrator.disconnect()
  }
  return { ...server, url: `redis://127.0.0.1:${chosenPort}`, port: chosenPort, title }
}
