import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Whether a server could listen on this port of 127.0.0.1 now. */
export const isPortFree = async (port: number): Promise<boolean> => {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

// Below the range from which systems give ports to outgoing connections (32768 on Linux): while a server restarts, a client
// that connects again and again could otherwise be given that very port, and end up connected to itself.
const lowest = 10_000
const highest = 22_000
const attempts = 100

/** A port of 127.0.0.1 that is free, together with each one that lies `companions` above it (at most 10,000). */
export const freePort = async (...companions: readonly number[]): Promise<number> => {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = randomInt(lowest, highest)
    const free = await Promise.all([0, ...companions].map(offset => isPortFree(port + offset)))
    if (free.every(Boolean)) return port
  }
  throw new Error(`No free port between ${lowest} and ${highest} on 127.0.0.1`)
}
