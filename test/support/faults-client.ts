import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Message } from '../../shared/messages/messages.schema.ts'
import { atDefaults, type FaultStack, periods } from './faults-stack.ts'
import { tokenFor } from './tokens.ts'
import type { ServerFrame } from './wire-client.ts'

/** In milliseconds: a heartbeat well within the time after which one is offline, an acknowledgement once a second at most. */
const heartbeatMs = (periods.offlineAfter * 1_000) / 2
const acknowledgeMs = atDefaults ? 1_000 : 250
const answerTimeoutMs = 15_000
const shortestBackOffMs = 100
const longestBackOffMs = 2_000

export interface Sight {
  conversationId: string
  seq: number
  content: string | null
  /** Live, or in a batch that repeats what was missing. */
  replayed: boolean
  /** The socket, counted from 1, over which it came. */
  connection: number
  at: number
}

/** A client as the contract wants it, and no cleverer: what it holds is what it was sent. */
export interface ModelClient {
  readonly userId: string
  /** Every message of others, and of other devices, as often as it came. */
  readonly sights: readonly Sight[]
  readonly frames: readonly (ServerFrame & { connection: number })[]
  /** Status of each handshake that was refused; 0 when nobody answered. */
  readonly refusals: readonly number[]
  /** Sockets that were opened so far. */
  readonly connections: number
  readonly isOpen: boolean
  /** Positions of a conversation in the order in which they were seen first. */
  firstSights(conversationId: string): number[]
  /** Whether it holds all of 1 to `seq`, own messages included. */
  holds(conversationId: string, seq: number): boolean
  /** The highest position of a conversation of which the server has confirmed that it was acknowledged. */
  acknowledged(conversationId: string): number
  events(event: string): Record<string, unknown>[]
  /** Connects, and again whenever the socket closes. Resolves with the first open socket. */
  start(): Promise<void>
  /** Cuts the socket without a close frame. */
  drop(): void
  /** Closes the socket properly. */
  close(): void
  /** Neither heartbeats nor acknowledgements from now on. */
  fallSilent(): void
  /** Keeps back its acknowledgements, or sends them again. */
  acknowledges: boolean
  /** Acknowledges what it holds at once; otherwise it does so by itself, once a second at most. */
  acknowledge(): Promise<void>
  /** An action with its answer; rejects when none comes, or the socket closes before. */
  ask(action: string, data: object): Promise<ServerFrame>
  /** Closes the socket for good. */
  stop(): void
  /** Breaks the socket without a close frame, for good. */
  vanish(): void
}

const messagesOf = ({ event, data = {} }: ServerFrame): { messages: Message[]; replayed: boolean } | undefined => {
  if (event === 'message.created') return { messages: [data.message as Message], replayed: false }
  if (event === 'messages.batch') return { messages: data.messages as Message[], replayed: true }
  return undefined
}

/** What one conversation has brought: everything up to `through`, and single messages beyond it. */
interface Holding {
  through: number
  beyond: Set<number>
}

export const modelClient = ({ host }: FaultStack, userId: string = randomUUID()): ModelClient => {
  const sights: Sight[] = []
  const frames: (ServerFrame & { connection: number })[] = []
  const refusals: number[] = []
  const holdings = new Map<string, Holding>()
  const firstSights = new Map<string, number[]>()
  const confirmed = new Map<string, number>()
  const toAcknowledge = new Set<string>()
  const answers = new Map<string, { resolve: (frame: ServerFrame) => void; reject: (error: Error) => void }>()
  let socket: WebSocket | undefined
  let connections = 0
  let isWanted = false
  let isSilent = false

  const holdingOf = (conversationId: string): Holding => {
    const holding = holdings.get(conversationId) ?? { through: 0, beyond: new Set<number>() }
    holdings.set(conversationId, holding)
    return holding
  }
  const hold = (conversationId: string, seq: number): void => {
    const holding = holdingOf(conversationId)
    holding.beyond.add(seq)
    while (holding.beyond.delete(holding.through + 1)) holding.through += 1
    // What came again was not acknowledged, as the server sees it.
    toAcknowledge.add(conversationId)
  }

  const receive = (frame: ServerFrame, connection: number): void => {
    frames.push({ ...frame, connection })
    const answer = frame.requestId === undefined ? undefined : answers.get(frame.requestId)
    if (answer && frame.requestId !== undefined) {
      answers.delete(frame.requestId)
      answer.resolve(frame)
    }
    const brought = messagesOf(frame)
    for (const { conversationId, seq, content } of brought?.messages ?? []) {
      const seen = firstSights.get(conversationId) ?? []
      firstSights.set(conversationId, seen)
      const { through, beyond } = holdingOf(conversationId)
      if (seq > through && !beyond.has(seq)) seen.push(seq)
      sights.push({ conversationId, seq, content, replayed: brought?.replayed ?? false, connection, at: Date.now() })
      hold(conversationId, seq)
    }
  }

  const openOnce = async (): Promise<boolean> => {
    const token = await tokenFor(userId)
    const opening = new WebSocket(`${host.outputs.WebSocketUrl}?token=${token}`, { handshakeTimeout: answerTimeoutMs })
    return new Promise(resolve => {
      let refusal = 0
      opening.on('unexpected-response', (_request, response) => {
        refusal = response.statusCode ?? 0
        opening.terminate()
      })
      opening.on('error', () => {})
      opening.on('open', () => {
        connections += 1
        const connection = connections
        socket = opening
        opening.on('message', data => receive(JSON.parse(String(data)), connection))
        resolve(true)
      })
      opening.on('close', () => {
        if (socket === opening) {
          socket = undefined
          for (const { reject } of answers.values()) reject(new Error('The socket closed'))
          answers.clear()
          void reconnect()
        } else {
          refusals.push(refusal)
          resolve(false)
        }
      })
    })
  }
  const reconnect = async (): Promise<void> => {
    for (let attempt = 0; isWanted; attempt += 1) {
      const longest = Math.min(shortestBackOffMs * 2 ** attempt, longestBackOffMs)
      await delay(longest * (0.5 + Math.random() / 2))
      if (isWanted && (await openOnce())) return
    }
  }

  const isOpen = (): boolean => socket?.readyState === WebSocket.OPEN
  const ask = (action: string, data: object): Promise<ServerFrame> =>
    new Promise((resolve, reject) => {
      if (!isOpen()) return reject(new Error('The socket is not open'))
      const requestId = randomUUID()
      const timer = setTimeout(() => {
        answers.delete(requestId)
        reject(new Error(`No answer to ${action}`))
      }, answerTimeoutMs)
      answers.set(requestId, {
        resolve: frame => {
          clearTimeout(timer)
          // The sender's own device gets no event: the ack tells it what it holds.
          if (action === 'message.send' && frame.event === 'ack') {
            hold(String(frame.data?.conversationId), Number(frame.data?.seq))
          }
          resolve(frame)
        },
        reject: error => {
          clearTimeout(timer)
          reject(error)
        },
      })
      socket?.send(JSON.stringify({ action, requestId, data }))
    })

  const acknowledge = async (): Promise<void> => {
    if (!client.acknowledges || isSilent || !isOpen() || toAcknowledge.size === 0) return
    const positions = [...toAcknowledge]
      .map(conversationId => ({ conversationId, seq: holdingOf(conversationId).through }))
      .filter(({ seq }) => seq > 0)
    toAcknowledge.clear()
    if (positions.length === 0) return
    const answer = await ask('message.delivered', { positions }).catch(() => undefined)
    for (const { conversationId, seq } of positions) {
      if (answer?.event === 'ack') confirmed.set(conversationId, Math.max(seq, confirmed.get(conversationId) ?? 0))
      else toAcknowledge.add(conversationId)
    }
  }
  let timers: NodeJS.Timeout[] = []
  const end = (): void => {
    isWanted = false
    for (const timer of timers) clearInterval(timer)
  }

  const client: ModelClient = {
    userId,
    sights,
    frames,
    refusals,
    get connections() {
      return connections
    },
    get isOpen() {
      return isOpen()
    },
    firstSights: conversationId => [...(firstSights.get(conversationId) ?? [])],
    holds: (conversationId, seq) => holdingOf(conversationId).through >= seq,
    acknowledged: conversationId => confirmed.get(conversationId) ?? 0,
    events: event => frames.filter(frame => frame.event === event).map(({ data = {} }) => data),
    start: async () => {
      isWanted = true
      timers = [
        setInterval(() => {
          if (!isSilent && isOpen()) socket?.send(JSON.stringify({ action: 'heartbeat' }))
        }, heartbeatMs),
        setInterval(() => void acknowledge(), acknowledgeMs),
      ]
      if (!(await openOnce())) await reconnect()
    },
    drop: () => socket?.terminate(),
    close: () => socket?.close(),
    fallSilent: () => {
      isSilent = true
    },
    acknowledges: true,
    acknowledge,
    ask,
    stop: () => {
      end()
      socket?.close()
    },
    vanish: () => {
      end()
      socket?.terminate()
    },
  }
  return client
}
