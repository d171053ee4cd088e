import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../infra/local/free-port.ts'

export interface RedisProxy {
  readonly url: string
  /** Asked of all that clients send, as it comes; what it returns true for never arrives. */
  swallows: (bytes: Buffer) => boolean
  stop(): Promise<void>
}

/** Stands between clients and a Redis in cluster mode, whose answers to `CLUSTER SLOTS` lead to the proxy again. */
export const startRedisProxy = async (redisUrl: string): Promise<RedisProxy> => {
  const target = Number(new URL(redisUrl).port)
  const port = await freePort()
  const sockets = new Set<Socket>()
  const proxy: RedisProxy = {
    url: `redis://127.0.0.1:${port}`,
    swallows: () => false,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  const server = createServer(client => {
    const redis = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.on('data', bytes => {
      if (!proxy.swallows(bytes)) redis.write(bytes)
    })
    redis.on('data', bytes => {
      const isNode = bytes.includes(`:${target}\r\n`)
      client.write(isNode ? bytes.toString('latin1').replaceAll(`:${target}\r\n`, `:${port}\r\n`) : bytes, 'latin1')
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return proxy
}
