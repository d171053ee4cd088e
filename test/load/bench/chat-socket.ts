import { once } from 'node:events'
import { WebSocket } from 'ws'

const heartbeatMs = 15_000
const acknowledgeMs = 1_000
const answerTimeoutMs = 30_000

/** What a client has received of one conversation. */
export interface Received {
  seqs: Set<number>
  /** It holds all of 1 to this. */
  through: number
  highest: number
  /** Live messages that came after one with a higher `seq`. */
  overtaken: number
  /** Messages that came again. */
  repeated: number
}

/**
 * A client that costs little, so that it is the server which is measured: it sends, hears, acknowledges what it holds without a
 * gap once a second, and sends heartbeats.
 */
export interface ChatSocket {
  readonly received: ReadonlyMap<string, Received>
  /** Resolves to the `seq` of the ack, or rejects with the problem's code. */
  send(conversationId: string, content: string, id?: string): Promise<number>
  /** An action that nobody waits for. */
  tell(action: string, data: object): void
  /** Hears of each message as it comes. */
  onMessage: (conversationId: string, seq: number, content: string) => void
  /** Resolves with `session.ready`. */
  readonly ready: Promise<void>
  readonly closed: Promise<void>
  close(): void
}

interface Frame {
  event: string
  requestId?: string
  data: Record<string, never>
  error?: { code: string }
}

interface Delivered {
  conversationId: string
  seq: number
  content: string
}

/** Begins at a random moment: those of clients that connect together would otherwise all fall on the same ones for ever. */
const everySoOften = (milliseconds: number, work: () => void): { stop: () => void } => {
  let timer = setTimeout(() => {
    work()
    timer = setInterval(work, milliseconds)
  }, Math.random() * milliseconds)
  return { stop: () => clearTimeout(timer) }
}

/**
 * `received` is what its user holds from earlier sockets, to be added to. With `confirmsOwn` it acknowledges its own messages too, as the
 * TypeScript client does; else they come again on the next connect.
 */
export const openChatSocket = async (
  url: string,
  {
    received = new Map<string, Received>(),
    onMessage = () => {},
    confirmsOwn = false,
  }: { received?: Map<string, Received>; onMessage?: ChatSocket['onMessage']; confirmsOwn?: boolean } = {},
): Promise<ChatSocket> => {
  const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: answerTimeoutMs })
  const changed = new Set<string>()
  const waiting = new Map<string, { resolve: (seq: number) => void; reject: (error: Error) => void }>()
  let requests = 0
  let isReady = () => {}
  const ready = new Promise<void>(resolve => {
    isReady = resolve
  })

  const receivedOf = (conversationId: string): Received => {
    const known = received.get(conversationId) ?? { seqs: new Set(), through: 0, highest: 0, overtaken: 0, repeated: 0 }
    received.set(conversationId, known)
    return known
  }
  const take = ({ conversationId, seq, content }: Delivered, isLive: boolean): void => {
    const known = receivedOf(conversationId)
    // What comes again was not acknowledged, as the server sees it.
    changed.add(conversationId)
    if (known.seqs.has(seq)) {
      known.repeated += 1
      return
    }
    known.seqs.add(seq)
    if (isLive && seq < known.highest) known.overtaken += 1
    known.highest = Math.max(seq, known.highest)
    chat.onMessage(conversationId, seq, content)
  }
  const hear = (frame: Frame): void => {
    const { event, requestId, data } = frame
    if (event === 'message.created') take((data as unknown as { message: Delivered }).message, true)
    else if (event === 'messages.batch') {
      for (const message of (data as unknown as { messages: Delivered[] }).messages) take(message, false)
    } else if (event === 'session.ready') isReady()
    const asked = requestId === undefined ? undefined : waiting.get(requestId)
    if (!asked || requestId === undefined) return
    waiting.delete(requestId)
    if (event === 'ack') asked.resolve(Number((data as { seq?: number }).seq))
    else asked.reject(new Error(frame.error?.code ?? event))
  }

  const beat = (): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send('{"action":"heartbeat"}')
  }
  const acknowledge = (): void => {
    if (socket.readyState !== WebSocket.OPEN) return
    const positions: { conversationId: string; seq: number }[] = []
    for (const conversationId of changed) {
      const known = receivedOf(conversationId)
      while (known.seqs.has(known.through + 1)) known.through += 1
      if (known.through > 0) positions.push({ conversationId, seq: known.through })
    }
    changed.clear()
    for (let start = 0; start < positions.length; start += 100) {
      const some = positions.slice(start, start + 100)
      socket.send(JSON.stringify({ action: 'message.delivered', data: { positions: some } }))
    }
  }

  const timers = [everySoOften(acknowledgeMs, acknowledge), everySoOften(heartbeatMs, beat)]
  const closed = new Promise<void>(resolve =>
    socket.on('close', () => {
      for (const { stop } of timers) stop()
      for (const { reject } of waiting.values()) reject(new Error('closed'))
      resolve()
    }),
  )
  socket.on('message', data => {
    // Without a `requestId` the answer is an empty frame at most.
    const text = String(data)
    if (text !== '') hear(JSON.parse(text))
  })
  const chat: ChatSocket = {
    received,
    ready,
    closed,
    onMessage,
    tell: (action, data) => socket.send(JSON.stringify({ action, data }), () => {}),
    send: (conversationId, content, id) =>
      new Promise((resolve, reject) => {
        requests += 1
        const requestId = String(requests)
        waiting.set(requestId, {
          reject,
          resolve: seq => {
            const known = receivedOf(conversationId)
            known.seqs.add(seq)
            if (confirmsOwn) changed.add(conversationId)
            resolve(seq)
          },
        })
        socket.send(JSON.stringify({ action: 'message.send', requestId, data: { conversationId, id, content } }))
      }),
    close: () => socket.close(),
  }
  await Promise.race([
    once(socket, 'open'),
    closed.then(() => {
      throw new Error('The handshake was refused')
    }),
  ])
  socket.on('error', () => {})
  return chat
}
