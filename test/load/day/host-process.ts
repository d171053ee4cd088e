import { startHost } from '../../../infra/local/host.ts'
import { topology } from '../../../infra/topology.ts'
import type { HostLaunch, HostOrder, HostState } from './hosted.ts'
import { liveHeapMb } from './live-heap.ts'

const unknown = (error: Error): undefined => {
  console.error(error)
}

/** Runs the host on the stores that it is told, tells how it is when it is asked, and lets SQS fail on order. */
const main = async (): Promise<void> => {
  const host = await startHost(JSON.parse(process.argv[2] ?? '') as HostLaunch)
  const queues = Object.keys(topology.queues).map(name => host.sqs.queue(name))
  const state = (): HostState => {
    const counts = queues.map(queue => queue.counts())
    return {
      outputs: host.outputs,
      connections: host.gateway.connectionCount(),
      backlog: counts.reduce((sum, { visible, inFlight }) => sum + visible + inFlight, 0),
      residentMb: process.memoryUsage().rss / 2 ** 20,
      units: host.gateway.units,
    }
  }
  process.on('message', async ({ number, sqsIsUnavailable, measureHeap }: HostOrder) => {
    if (sqsIsUnavailable !== undefined) host.sqs.faults.unavailable = sqsIsUnavailable
    const heapMb = measureHeap ? await liveHeapMb().catch(unknown) : undefined
    process.send?.({ number, state: { ...state(), heapMb } })
  })
  const stop = async (): Promise<void> => {
    await host.stop()
    process.exit()
  }
  process.on('SIGTERM', () => void stop())
  process.on('disconnect', () => void stop())
  process.send?.({ number: 0, state: state() })
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
