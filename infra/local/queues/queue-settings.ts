import type { Topology } from '../../topology.ts'
import type { QueueSettings } from './sqs-api.ts'

const defaultVisibilitySeconds = 30

/** Each queue of the topology with its dead-letter queue, set up as on AWS: AWS's advice for the visibility timeout is six times the function's, and the window. */
export const queueSettings = ({ queues, functions }: Topology): Record<string, QueueSettings> =>
  Object.fromEntries(
    Object.entries(queues).flatMap(([name, queue]) => {
      const timeout = functions[queue.function]?.timeoutSeconds ?? defaultVisibilitySeconds
      const deadLetters = `${name}DeadLetters`
      return [
        [deadLetters, { visibilitySeconds: defaultVisibilitySeconds }],
        [
          name,
          {
            visibilitySeconds: 6 * timeout + queue.maxBatchingWindowSeconds,
            redrive: { to: deadLetters, maxReceiveCount: queue.maxReceiveCount },
          },
        ],
      ]
    }),
  )
