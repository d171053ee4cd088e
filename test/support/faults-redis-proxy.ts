import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../infra/local/free-port.ts'

/** Stands between clients and a Redis in cluster mode, whose answers to `CLUSTER SLOTS` lead to the proxy again. */
export interface RedisProxy {
  readonly url: string
  /** Asked of all that clients send, as it comes; what it returns true for never arrives. */
  swallows: (bytes: Buffer) => boolean
  /** Takes connections; at first it does not. */
  start(): Promise<void>
  /** Cuts all connections and refuses new ones. */
  stop(): Promise<void>
}

export const createRedisProxy = async (redisUrl: string): Promise<RedisProxy> => {
  const target = Number(new URL(redisUrl).port)
  const port = await freePort()
  const sockets = new Set<Socket>()
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
      const isAddress = bytes.includes(`:${target}\r\n`)
      client.write(isAddress ? bytes.toString('latin1').replaceAll(`:${target}\r\n`, `:${port}\r\n`) : bytes, 'latin1')
    })
  })
  const proxy: RedisProxy = {
    url: `redis://127.0.0.1:${port}`,
    swallows: () => false,
    start: async () => {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    stop: async () => {
      if (!server.listening) return
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
