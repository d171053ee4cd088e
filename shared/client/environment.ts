/** The part of a WebSocket that is used: a browser's, Node's and that of `ws` have it. */
export interface Socket {
  send(text: string): void
  close(code?: number): void
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
}

/** What the client takes from its surroundings, so that a test can put its own in their place. */
export interface Environment {
  /** Milliseconds since 1970, better without the jumps of a clock that is set. */
  now(): number
  /** Runs something once after so many milliseconds; what is returned prevents it. */
  after(milliseconds: number, run: () => void): () => void
  /** 0 and up, below 1. */
  random(): number
  fetch(url: string, request: RequestInit): Promise<Response>
  openSocket(url: string): Socket
  /** Calls whenever this machine is in a network again; what is returned ends it. */
  onNetwork(run: () => void): () => void
}

/** What a browser's `window` has and Node's global object has not. */
interface Page {
  addEventListener?(type: 'online', run: () => void): void
  removeEventListener?(type: 'online', run: () => void): void
}

export const ownEnvironment: Environment = {
  now: () => performance.timeOrigin + performance.now(),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
  random: Math.random,
  fetch: (url, request) => fetch(url, request),
  openSocket: url => new WebSocket(url),
  onNetwork: run => {
    const page = globalThis as typeof globalThis & Page
    page.addEventListener?.('online', run)
    return () => page.removeEventListener?.('online', run)
  },
}

/** Resolves after so many milliseconds, or when it is called off. */
export const pause = (
  { after }: Pick<Environment, 'after'>,
  milliseconds: number,
  signal?: AbortSignal,
): Promise<void> =>
  new Promise(resolve => {
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = after(milliseconds, done)
    signal?.addEventListener('abort', done)
    if (signal?.aborted) done()
  })
