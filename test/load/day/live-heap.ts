import { Session } from 'node:inspector/promises'

const patienceMs = 30_000

interface HeapUsage {
  usedSize: number
  /** Of buffers, which are beside the heap. */
  backingStorageSize: number
}

const collect = 1
const measure = 2

/**
 * What is alive in all threads of this process, in MB: collects garbage first, so that it is neither what waits to be collected nor
 * what V8 keeps of its busiest moment. By the inspector, because a thread can't be asked otherwise from outside. Rejects when one
 * gives no answer for 30 s.
 */
export const liveHeapMb = async (): Promise<number> => {
  const session = new Session()
  session.connect()
  try {
    const threads = new Map<string, PromiseWithResolvers<HeapUsage>>()
    const ask = (sessionId: string, id: number, method: string) =>
      session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) })
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId } }) => {
      threads.set(sessionId, Promise.withResolvers())
    })
    session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
      const { id, result } = JSON.parse(message) as { id?: number; result?: HeapUsage }
      // Garbage is collected some time after it was asked for, so what comes behind it would be answered first.
      if (id === collect) ask(sessionId, measure, 'Runtime.getHeapUsage').catch(() => {})
      if (id === measure && result) threads.get(sessionId)?.resolve(result)
    })
    session.on('NodeWorker.detachedFromWorker', ({ params: { sessionId } }) => {
      threads.get(sessionId)?.resolve({ usedSize: 0, backingStorageSize: 0 })
    })
    await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
    for (const sessionId of threads.keys()) await ask(sessionId, collect, 'HeapProfiler.collectGarbage')
    await session.post('HeapProfiler.collectGarbage')
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new Error('A thread does not tell how large its heap is')), patienceMs)
    const own = session.post('Runtime.getHeapUsage') as Promise<unknown> as Promise<HeapUsage>
    const others = [...threads.values()].map(({ promise }) => promise)
    const usages = await Promise.race([Promise.all([own, ...others]), late.promise]).finally(() => clearTimeout(timer))
    return usages.reduce((sum, { usedSize, backingStorageSize }) => sum + usedSize + backingStorageSize, 0) / 2 ** 20
  } finally {
    session.disconnect()
  }
}
