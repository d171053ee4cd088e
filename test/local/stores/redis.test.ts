import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Cluster, Redis } from 'ioredis'
import { processIdentity } from '../../../infra/local/process-identity.ts'
import { startRedis } from '../../../infra/local/stores/redis.ts'
import type { Store } from '../../../infra/local/stores/store.ts'
import { temporaryDirectory } from './temporary-directory.ts'

describe('Redis of the local host', () => {
  let directory: string
  let store: Store
  let clients: (Redis | Cluster)[] = []
  const start = (port?: number): Promise<Store> =>
    startRedis({ directory: join(directory, 'redis'), port, logFile: join(directory, 'redis.log'), log: () => {} })
  const connect = <Client extends Redis | Cluster>(client: Client): Client => {
    client.on('error', () => {})
    clients.push(client)
    return client
  }
  const cluster = (): Cluster =>
    connect(new Cluster([{ host: '127.0.0.1', port: store.port }], { clusterRetryStrategy: () => 100 }))
  const node = (): Redis => connect(new Redis(store.port, '127.0.0.1'))

  beforeAll(async () => {
    directory = await temporaryDirectory()
    store = await start()
  })
  afterEach(() => {
    for (const client of clients) client.disconnect()
    clients = []
  })
  afterAll(() => store.stop())

  test('serves all slots to a cluster client, and refuses a command over several of them', async () => {
    const client = cluster()
    const keys = ['a', 'b', '{room}:1', '{room}:2', 'ключ']
    await Promise.all(keys.map((key, value) => client.set(key, value, 'EX', 60)))
    expect(await Promise.all(keys.map(key => client.get(key)))).toEqual(['0', '1', '2', '3', '4'])
    expect(await client.mget('{room}:1', '{room}:2')).toEqual(['2', '3'])

    await expect(node().mget('a', 'b')).rejects.toThrow('CROSSSLOT')
  })

  test.each([['config', 'get', 'maxmemory'], ['save'], ['bgsave'], ['acl', 'whoami'], ['shutdown']])(
    'refuses what ElastiCache Serverless refuses: %s',
    async (command, ...args) => {
      await expect(node().call(command, ...args)).rejects.toThrow('NOPERM')
    },
  )

  test('makes room by keys that expire, and keeps nothing on disk', async () => {
    const configuration = await readFile(join(directory, 'redis', 'redis.conf'), 'utf8')
    expect(configuration).toContain('maxmemory-policy volatile-lru')
    expect(configuration).toContain('save ""')
  })

  test('comes back empty on the same port, and clients find it again by themselves', async () => {
    const client = cluster()
    await client.set('lost', 'yes', 'EX', 60)
    const { pid, port } = store
    await store.kill()
    expect(processIdentity(pid)).toBeUndefined()

    store = await start(port)
    expect(store.port).toBe(port)
    expect(await client.get('lost')).toBeNull()
  })
})
