import type { Environment, Socket } from 'kaha-chat-client'
import { createSignal, type Observable } from './observable.ts'

/** A frame of the socket, or a request and its answer. */
export interface WireLine {
  readonly number: number
  readonly at: Date
  readonly direction: 'out' | 'in'
  readonly kind: 'socket' | 'http'
  /** The action or event of a frame; the method, path and status of a request. */
  readonly title: string
  readonly text: string
}

/** What a client sends and gets, and a switch that takes it offline. */
export interface Wire extends Observable {
  /** Newest last; not all that there ever were. */
  readonly lines: readonly WireLine[]
  readonly isOffline: boolean
  setOffline(isOffline: boolean): void
  clear(): void
  readonly environment: Pick<Environment, 'fetch' | 'openSocket' | 'onNetwork'>
}

const maxLines = 300

const titleOf = (text: string): string => {
  try {
    const { action, event } = JSON.parse(text) as { action?: string; event?: string }
    return action ?? event ?? 'gateway'
  } catch {
    return 'empty'
  }
}

/** A socket for which there is no network. */
const deadSocket = (): Socket => ({
  send: () => {},
  close: () => {},
  addEventListener: (type: string, listener: (event: { data: unknown }) => void) => {
    if (type === 'error') setTimeout(() => listener({ data: undefined }))
  },
})

export const createWire = (): Wire => {
  const { subscribe, changed } = createSignal()
  const open = new Set<WebSocket>()
  const waitingForNetwork = new Set<() => void>()
  let lines: WireLine[] = []
  let total = 0
  let isOffline = false

  const note = (line: Omit<WireLine, 'number' | 'at'>): void => {
    total += 1
    lines = [...lines, { ...line, number: total, at: new Date() }].slice(-maxLines)
    changed()
  }
  const noteFrame = (direction: WireLine['direction'], text: string): void =>
    note({ direction, kind: 'socket', title: titleOf(text), text })

  const openSocket = (url: string): Socket => {
    if (isOffline) return deadSocket()
    const socket = new WebSocket(url)
    open.add(socket)
    socket.addEventListener('close', () => open.delete(socket))
    socket.addEventListener('message', ({ data }) => noteFrame('in', String(data)))
    return {
      send: text => {
        noteFrame('out', text)
        socket.send(text)
      },
      close: () => socket.close(),
      addEventListener: (type: string, listener: (event: { data: unknown }) => void) =>
        socket.addEventListener(type as 'message', listener),
    }
  }

  const fetchOverWire: Environment['fetch'] = async (url, init) => {
    if (isOffline) throw new TypeError('There is no network')
    const title = `${init.method ?? 'GET'} ${url.replace(location.origin, '')}`
    note({ direction: 'out', kind: 'http', title, text: String(init.body ?? '') })
    const response = await fetch(url, init)
    const text = await response.clone().text()
    note({ direction: 'in', kind: 'http', title: `${response.status} ${title}`, text })
    return response
  }

  return {
    subscribe,
    get lines() {
      return lines
    },
    get isOffline() {
      return isOffline
    },
    setOffline: next => {
      isOffline = next
      if (isOffline) for (const socket of open) socket.close()
      else for (const run of waitingForNetwork) run()
      changed()
    },
    clear: () => {
      lines = []
      changed()
    },
    environment: {
      openSocket,
      fetch: fetchOverWire,
      onNetwork: run => {
        waitingForNetwork.add(run)
        return () => void waitingForNetwork.delete(run)
      },
    },
  }
}
