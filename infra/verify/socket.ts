import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { handleWhen, retry } from 'cockatiel'
import { WebSocket } from 'ws'
import { patience } from './patience.ts'

export interface Frame {
  readonly event?: string
  readonly requestId?: string
  readonly data?: Readonly<Record<string, unknown>>
  readonly error?: { readonly code?: string }
}

/** What a handshake was refused with. */
export class Refused extends Error {
  readonly status: number
  readonly body: string

  constructor(status: number, body: string) {
    super(`the handshake was refused with ${status}: ${body}`)
    this.status = status
    this.body = body
  }
}

export interface Socket {
  readonly socket: WebSocket
  /** Everything that has come, oldest first. */
  readonly frames: readonly Frame[]
  /** Sends a frame with a `requestId` and waits for its ack. Rejects when that is an error, or does not come. */
  ask(action: string, data: unknown): Promise<Readonly<Record<string, unknown>>>
  /** Waits for a frame that has come or will come. Rejects after 20 s, or what is said. */
  until(what: string, isWanted: (frame: Frame) => boolean, withinMs?: number): Promise<Frame>
  /** The code with which it was closed, by either side. */
  readonly closed: Promise<number>
  /** The same. Rejects when it is still open after 20 s. */
  ended(): Promise<number>
  close(): Promise<void>
}

const patienceMs = 20_000
const pollMs = 20

const watch = (socket: WebSocket): Socket => {
  const frames: Frame[] = []
  let isClosed = false
  const closed = new Promise<number>(resolve =>
    socket.on('close', code => {
      isClosed = true
      resolve(code)
    }),
  )
  socket.on('message', data => void frames.push(JSON.parse(String(data))))
  const until: Socket['until'] = async (what, isWanted, withinMs = patienceMs) => {
    const end = Date.now() + withinMs
    for (;;) {
      const found = frames.find(isWanted)
      if (found) return found
      if (isClosed) throw new Error(`the socket was closed (${await closed}) before ${what} came`)
      if (Date.now() > end) throw new Error(`${what} did not come within ${withinMs / 1_000} s`)
      await delay(pollMs)
    }
  }
  return {
    socket,
    frames,
    until,
    closed,
    ended: async () => {
      const code = await Promise.race([closed, delay(patienceMs, undefined, { ref: false })])
      if (code === undefined) throw new Error(`the socket is still open after ${patienceMs / 1_000} s`)
      return code
    },
    ask: async (action, data) => {
      const requestId = randomUUID()
      socket.send(JSON.stringify({ action, requestId, data }))
      const answer = await until(`the answer to ${action}`, frame => frame.requestId === requestId)
      if (answer.event !== 'ack') throw new Error(`${action} was answered with ${JSON.stringify(answer.error)}`)
      return answer.data ?? {}
    },
    close: async () => {
      socket.close()
      await closed
    },
  }
}

const untilStoresAnswer = retry(
  handleWhen(error => error instanceof Refused && error.status === 503),
  patience,
)

/**
 * Opens a socket at that address, query included; tries again after a 503, as clients do. Rejects with `Refused`, or when nothing
 * answers.
 */
export const openSocket = (url: string): Promise<Socket> => untilStoresAnswer.execute(() => openOnce(url))

const openOnce = async (url: string): Promise<Socket> => {
  const socket = new WebSocket(url, { handshakeTimeout: patienceMs, perMessageDeflate: true })
  const watched = watch(socket)
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve)
    socket.on('error', reject)
    socket.on('unexpected-response', (request, response) => {
      void text(response).then(
        body => reject(new Refused(response.statusCode ?? 0, body)),
        () => reject(new Refused(response.statusCode ?? 0, '')),
      )
      response.on('close', () => request.destroy())
    })
  })
  return watched
}
