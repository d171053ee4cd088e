import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Cluster } from 'ioredis'
import { sql } from 'kysely'
import { openDatabase } from '../../shared/database/connection.ts'
import { openRedis } from '../../shared/redis/connection.ts'

/** For `localhost`, signed by itself, as somebody in between would have it. It protects nothing. */
const secureContext = createSecureContext({
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpBt2z9HcuSIrOfko
a5EDJa7g/tEh9XMhnfLkUR0YY8GhRANCAATp1ln1yPsNjMyf+so82+Qx23nAJupv
NmslEo28NjuxnAfe45J5CpRUetiOZWIUS4J95R1kmld1YEVRi6awpz5F
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBlDCCATugAwIBAgIUQd31Ss7jM4jP/TOukyEmXso/9BowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTA0NTIxNVoYDzIxMjYxMTAx
MDQ1MjE1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATp1ln1yPsNjMyf+so82+Qx23nAJupvNmslEo28NjuxnAfe45J5CpRU
etiOZWIUS4J95R1kmld1YEVRi6awpz5Fo2kwZzAdBgNVHQ4EFgQUzFFz4UX55R4q
R33Bj5o8StSEVKYwHwYDVR0jBBgwFoAUzFFz4UX55R4qR33Bj5o8StSEVKYwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
RwAwRAIgNrDhhsyrOwuwP3mQWWRhZGMH46sTGTWlWzuNjtRQ5zECIDeZA3/VF4Ih
ggsUe574dHtWfQCYE7FPrBZVGRKUdfL/
-----END CERTIFICATE-----`,
})

let server: Server
const sockets = new Set<Socket>()
const accept = (socket: Socket): void => {
  sockets.add(socket)
  socket.on('error', () => {})
}
/** Starts TLS with each client after its own way to begin; `heard` gets what comes through it. */
const serve = async (begin: (socket: Socket) => Promise<void>, heard: (text: string) => void): Promise<number> => {
  server.on('connection', async socket => {
    accept(socket)
    await begin(socket)
    const encrypted = new TLSSocket(socket, { isServer: true, secureContext })
    accept(encrypted)
    encrypted.on('data', data => heard(String(data)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
beforeEach(() => {
  server = createServer()
})
afterEach(() => {
  server.close()
  for (const socket of sockets) socket.destroy()
})

test('a Postgres whose certificate nobody vouches for gets nothing, no password either', async () => {
  let heard = ''
  const askForTls = async (socket: Socket) => {
    await once(socket, 'data')
    socket.write('S')
  }
  const port = await serve(askForTls, text => (heard += text))
  const db = openDatabase({
    DATABASE_URL: `postgresql://user:password@localhost:${port}/database`,
    DATABASE_AUTH: 'url',
    DATABASE_TLS: 'public-ca',
    DATABASE_POOL_MAX: 1,
    DATABASE_STATEMENTS: 'unnamed',
  })
  await expect(sql`select 1`.execute(db)).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  await db.destroy()
  expect(heard).toBe('')
})

test('a Redis whose certificate nobody vouches for gets nothing', async () => {
  let heard = ''
  const port = await serve(
    async () => {},
    text => (heard += text),
  )
  const talk = async (redis: Cluster) => {
    redis.options.clusterRetryStrategy = () => null
    await expect(redis.connect()).rejects.toThrow()
    redis.disconnect()
  }
  await talk(openRedis({ REDIS_URL: `rediss://localhost:${port}` }))
  expect(heard).toBe('')

  // To who does not ask for a certificate it would be as good as any other.
  const careless = openRedis({ REDIS_URL: `rediss://localhost:${port}` })
  Object.assign(careless.options.redisOptions?.tls ?? {}, { rejectUnauthorized: false })
  await talk(careless)
  expect(heard.toLowerCase()).toContain('cluster')
})
