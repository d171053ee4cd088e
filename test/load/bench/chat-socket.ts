import { once } from 'node:events'
import { WebSocket } from 'ws'

const heartbeatMs = 15_000
const acknowledgeMs = 1_000
const answerTimeoutMs = 30_000

/** What a client has received of one conversation. */
export interface Received {
  seqs: Set<number>
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
  send(conversationId: string, content: string): Promise<number>
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

export const openChatSocket = async (url: string): Promise<ChatSocket> => {
  const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: answerTimeoutMs })
  const received = new Map<string, Received>()
  const through = new Map<string, number>()
  const changed = new Set<string>()
  const waiting = new Map<string, { resolve: (seq: number) => void; reject: (error: Error) => void }>()
  let requests = 0
  const highest = new Map<string, number>()
  let isReady = () => {}
  const ready = new Promise<void>(resolve => {
    isReady = resolve
  })

  const receivedOf = (conversationId: string): Received => {
    const known = received.get(conversationId) ?? { seqs: new Set(), overtaken: 0, repeated: 0 }
    received.set(conversationId, known)
    return known
  }
  const take = ({ conversationId, seq, content }: Delivered, isLive: boolean): void => {
    const known = receivedOf(conversationId)
    if (known.seqs.has(seq)) {
      known.repeated += 1
      return
    }
    known.seqs.add(seq)
    if (isLive && seq < (highest.get(conversationId) ?? 0)) known.overtaken += 1
    highest.set(conversationId, Math.max(seq, highest.get(conversationId) ?? 0))
    changed.add(conversationId)
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

  const acknowledge = (): void => {
    const positions: { conversationId: string; seq: number }[] = []
    for (const conversationId of changed) {
      const { seqs } = receivedOf(conversationId)
      let seq = through.get(conversationId) ?? 0
      while (seqs.has(seq + 1)) seq += 1
      if (seq > (through.get(conversationId) ?? 0)) positions.push({ conversationId, seq })
      through.set(conversationId, seq)
    }
    changed.clear()
    for (let start = 0; start < positions.length; start += 100) {
      const some = positions.slice(start, start + 100)
      socket.send(JSON.stringify({ action: 'message.delivered', data: { positions: some } }))
    }
  }

  const timers = [
    setInterval(() => socket.readyState === WebSocket.OPEN && acknowledge(), acknowledgeMs),
    setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('{"action":"heartbeat"}'), heartbeatMs),
  ]
  const closed = new Promise<void>(resolve =>
    socket.on('close', () => {
      for (const timer of timers) clearInterval(timer)
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
    onMessage: () => {},
    send: (conversationId, content) =>
      new Promise((resolve, reject) => {
        requests += 1
        const requestId = String(requests)
        waiting.set(requestId, {
          reject,
          resolve: seq => {
            receivedOf(conversationId).seqs.add(seq)
            resolve(seq)
          },
        })
        socket.send(JSON.stringify({ action: 'message.send', requestId, data: { conversationId, content } }))
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
