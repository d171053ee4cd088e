import type { Topology } from '../../topology.ts'
import type { QueueSettings } from './sqs-api.ts'

const defaultVisibilitySeconds = 30
/** Nobody need read an outbound queue on one machine, and it is in memory. */
const outboundCapacity = 10_000

/** Each queue of the topology with its dead-letter queue, set up as on AWS: AWS's advice for the visibility timeout is six times the function's, and the window. */
export const queueSettings = ({ queues, outboundQueues, functions }: Topology): Record<string, QueueSettings> => {
  const withDeadLetters = (
    name: string,
    { maxReceiveCount, ...settings }: Omit<QueueSettings, 'redrive'> & { maxReceiveCount: number },
  ): [string, QueueSettings][] => {
    const deadLetters = `${name}DeadLetters`
    return [
      [deadLetters, { ...settings, visibilitySeconds: defaultVisibilitySeconds }],
      [name, { ...settings, redrive: { to: deadLetters, maxReceiveCount } }],
    ]
  }
  return Object.fromEntries([
    ...Object.entries(queues).flatMap(([name, { maxReceiveCount, maxBatchingWindowSeconds, function: worker }]) => {
      const timeout = functions[worker]?.timeoutSeconds ?? defaultVisibilitySeconds
      return withDeadLetters(name, { visibilitySeconds: 6 * timeout + maxBatchingWindowSeconds, maxReceiveCount })
    }),
    ...Object.entries(outboundQueues).flatMap(([name, definition]) =>
      withDeadLetters(name, { ...definition, capacity: outboundCapacity }),
    ),
  ])
}
