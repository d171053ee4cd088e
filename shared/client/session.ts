import type { Environment } from './environment.ts'
import { type KeepAlive, keepAlive } from './keep-alive.ts'
import { ChatProblem, unreachable } from './problem.ts'
import type { Actions, ServerFrame, SocketEvent } from './wire.ts'

const handshakeTimeoutMs = 15_000
/** A little longer than the service takes to answer that it took too long. */
const answerTimeoutMs = 12_000

export interface SessionListener {
  opened(): void
  received(event: SocketEvent): void
  /** An error that answers no request of ours. */
  failed(problem: ChatProblem): void
  /** Once, however it came about. What was asked and not answered has been rejected by then. */
  ended(): void
}

/** One socket, from its handshake to its end. */
export interface Session {
  /**
   * Sends a frame and waits for its ack. Rejects with the service's problem, or with `unreachable` when the socket ends or nothing
   * comes within 12 s: then it may have been done or not.
   */
  ask<Name extends keyof Actions>(action: Name, data: Actions[Name]['data']): Promise<Actions[Name]['ack']>
  /** Sends a frame that is not answered; an error goes to the listener. */
  tell<Name extends keyof Actions>(action: Name, data: Actions[Name]['data']): void
  close(): void
}

interface Waiting {
  resolve(data: unknown): void
  reject(problem: ChatProblem): void
}

const parsed = (text: unknown): Partial<ServerFrame> => {
  try {
    return JSON.parse(String(text)) ?? {}
  } catch {
    return {}
  }
}

/** What a session has gone through: `ended` is for good. */
type Phase = 'opening' | 'open' | 'ended'

export const openSession = (environment: Environment, url: string, listener: SessionListener): Session => {
  const waiting = new Map<string, Waiting>()
  const socket = environment.openSocket(url)
  let phase: Phase = 'opening'
  let alive: KeepAlive | undefined
  let requests = 0

  const end = (reason: string): void => {
    if (phase === 'ended') return
    phase = 'ended'
    cancelHandshake()
    alive?.stop()
    socket.close()
    for (const { reject } of waiting.values()) reject(unreachable(reason))
    listener.ended()
  }
  const cancelHandshake = environment.after(handshakeTimeoutMs, () => end('The handshake took too long'))

  const send = (frame: object): void => {
    socket.send(JSON.stringify(frame))
    alive?.sent()
  }
  const tell: Session['tell'] = (action, data) => {
    if (phase === 'open') send({ action, data })
  }
  const ask: Session['ask'] = (action, data) =>
    new Promise((resolve, reject) => {
      if (phase !== 'open') return reject(unreachable('There is no connection'))
      requests += 1
      const requestId = String(requests)
      const done = () => {
        cancel()
        waiting.delete(requestId)
      }
      const cancel = environment.after(answerTimeoutMs, () => {
        done()
        reject(unreachable(`No answer to ${action}`))
      })
      waiting.set(requestId, {
        resolve: answer => {
          done()
          resolve(answer as never)
        },
        reject: problem => {
          done()
          reject(problem)
        },
      })
      send({ action, requestId, data })
    })

  socket.addEventListener('open', () => {
    if (phase !== 'opening') return
    phase = 'open'
    cancelHandshake()
    alive = keepAlive(environment, {
      beat: () => tell('heartbeat', {}),
      // Whatever comes is a sign of life, an error too.
      ask: () => ask('ping', {}).catch(() => {}),
      giveUp: () => end('The connection is dead'),
    })
    listener.opened()
  })
  socket.addEventListener('message', ({ data }) => {
    if (phase !== 'open') return
    alive?.received()
    const frame = parsed(data)
    // Frames without an event are the gateway's own.
    if (frame.event === undefined) return
    if (frame.event === 'ack') return waiting.get(frame.requestId ?? '')?.resolve(frame.data)
    if (frame.event === 'error') {
      const problem = new ChatProblem(frame.error as NonNullable<typeof frame.error>)
      const asked = waiting.get(frame.requestId ?? '')
      return asked ? asked.reject(problem) : listener.failed(problem)
    }
    const event = frame as SocketEvent
    if (event.event === 'session.ready') alive?.setHeartbeat(event.data.settings.heartbeatSeconds)
    listener.received(event)
  })
  socket.addEventListener('error', () => end('The connection failed'))
  socket.addEventListener('close', () => end('The connection was closed'))

  return { ask, tell, close: () => end('The connection was closed') }
}
