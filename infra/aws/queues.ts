import { Duration } from 'aws-cdk-lib'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { Topology } from '../topology.ts'
import type { Access } from './access.ts'
import { environmentName } from './environment-name.ts'

/** A queue for what could not be handled: kept for as long as SQS can, 14 days. */
export const createDeadLetterQueue = (scope: Construct, id: string): Queue =>
  new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  })

/**
 * The topology's queues, each with its dead-letter queue. A record stays invisible for six times the worker's timeout and the
 * batching window, which is what AWS asks for: Lambda tries a throttled batch again inside that time.
 */
export class Queues extends Construct {
  readonly queues: Readonly<Record<string, Queue>>
  readonly access: Readonly<Record<string, Access>>

  constructor(scope: Construct, id: string, topology: Topology) {
    super(scope, id)
    const entries = Object.entries(topology.queues).map(([name, definition]): [string, Queue] => {
      const worker = topology.functions[definition.function]
      if (!worker) throw new Error(`queue ${name}: there is no function ${definition.function}`)
      const queue = new Queue(this, name, {
        encryption: QueueEncryption.SQS_MANAGED,
        enforceSSL: true,
        visibilityTimeout: Duration.seconds(6 * worker.timeoutSeconds + definition.maxBatchingWindowSeconds),
        deadLetterQueue: {
          queue: createDeadLetterQueue(this, `${name}DeadLetters`),
          maxReceiveCount: definition.maxReceiveCount,
        },
      })
      return [name, queue]
    })
    this.queues = Object.fromEntries(entries)
    this.access = Object.fromEntries(entries.map(([name, queue]) => [name, queueAccess(name, queue)]))
  }
}

const queueAccess = (name: string, queue: Queue): Access => ({
  environment: { [environmentName(name, 'QUEUE_URL')]: queue.queueUrl },
  securityGroups: [],
  grantTo: role => queue.grant(role, 'sqs:SendMessage'),
})
