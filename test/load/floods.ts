/**
 * What others notice of a user who floods, with the limits that stand by default: the time of their messages, 50 a second between
 * ten pairs, first with nobody else there, then beside somebody who sends messages as fast as a socket takes them and comes back
 * whenever they are closed, and beside handshakes with bad tokens, 20 at a time. The three take turns, three rounds; medians with
 * their range. Runs for about two minutes, on a stack of its own.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { startStack } from '../support/stack.ts'
import { atRate, conversationLoad } from './bench/conversation-load.ts'
import { type Measured, table } from './bench/report.ts'
import { createServiceTarget, type ServiceTarget } from './bench/service-target.ts'
import type { Figures } from './bench/target.ts'

const rounds = 3
const seconds = 10
const perSecond = 50
const pairs = 10
const handshakesAtOnce = 20
/** How much a flooder lets wait in their own socket. */
const unsentBytes = 64 * 1024

/** Opens a socket; resolves to undefined when it is refused. */
const open = async (url: string): Promise<WebSocket | undefined> => {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  socket.on('error', () => {})
  await Promise.race([once(socket, 'open'), once(socket, 'close')]).catch(() => {})
  return socket.readyState === WebSocket.OPEN ? socket : undefined
}

type Flood = (service: ServiceTarget, signal: AbortSignal) => Promise<Figures>

const messages: Flood = async (service, signal) => {
  const [flooder, other] = [randomUUID(), randomUUID()]
  const conversationId = await service.openConversation([flooder, other])
  const frame = JSON.stringify({ action: 'message.send', requestId: '1', data: { conversationId, content: 'flood' } })
  const figures = { 'frames of the flood': 0, 'of which were taken': 0, 'closed sockets': 0 }
  while (!signal.aborted) {
    const socket = await open(await service.socketUrl(flooder))
    socket?.on('message', data => {
      if (String(data).startsWith('{"event":"ack"')) figures['of which were taken'] += 1
    })
    while (!signal.aborted && socket?.readyState === WebSocket.OPEN) {
      if (socket.bufferedAmount < unsentBytes) {
        socket.send(frame)
        figures['frames of the flood'] += 1
      }
      await delay(1)
    }
    if (!signal.aborted) figures['closed sockets'] += 1
    socket?.terminate()
    await delay(10)
  }
  return figures
}

const handshakes: Flood = async ({ stack }, signal) => {
  let refused = 0
  const flooder = async () => {
    while (!signal.aborted) {
      await open(`${stack.outputs.WebSocketUrl}?token=${randomUUID()}`)
      refused += 1
    }
  }
  await Promise.all(Array.from({ length: handshakesAtOnce }, flooder))
  return { 'refused handshakes': refused }
}

const floods: Record<string, Flood> = {
  'nobody floods': async () => ({}),
  'a user floods with messages': messages,
  'handshakes with bad tokens': handshakes,
}

/** The load of everybody else while a flood goes on. */
const measure = async (service: ServiceTarget, flood: Flood): Promise<Figures> => {
  const end = new AbortController()
  const flooding = flood(service, end.signal)
  const figures = await conversationLoad(service, { rooms: pairs, size: 2 }, atRate(perSecond, seconds))
  end.abort()
  const { 'messages/s': rate, overtaken: _, ...times } = figures
  return { 'messages/s': rate ?? Number.NaN, ...times, ...(await flooding) }
}

const main = async (): Promise<void> => {
  await using started = new AsyncDisposableStack()
  const stack = await startStack({
    RATE_LIMIT_SENDS: '600',
    RATE_LIMIT_REQUESTS: '1200',
    RATE_LIMIT_AUTH_FAILURES: '30',
  })
  started.defer(stack.stop)
  const service = createServiceTarget(stack)
  const measured: Measured[] = Object.keys(floods).map(scenario => ({ scenario, target: 'service', rounds: [] }))
  for (let round = 1; round <= rounds; round += 1) {
    for (const { scenario, rounds: figures } of measured) {
      const flood = floods[scenario]
      if (flood) figures.push(await measure(service, flood))
    }
  }
  console.log(table(measured))
}

main().then(
  () => process.exit(),
  (error: Error) => {
    console.error(error)
    process.exit(1)
  },
)
