import { Duration } from 'aws-cdk-lib'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { QueueDefinition, Topology } from '../topology.ts'
import type { Access } from './access.ts'
import { environmentName } from './environment-name.ts'

/** A queue for what could not be handled: kept for as long as SQS can, 14 days. */
export const createDeadLetterQueue = (scope: Construct, id: string): Queue =>
  new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  })

/** The topology's queues, each with its dead-letter queue. */
export class Queues extends Construct {
  /** Those that have a worker. */
  readonly queues: Readonly<Record<string, Queue>>
  /** Those that another service reads. */
  readonly outbound: Readonly<Record<string, Queue>>
  /** Those of all queues, by their names. */
  readonly deadLetters: Record<string, Queue> = {}
  readonly access: Readonly<Record<string, Access>>

  constructor(scope: Construct, id: string, topology: Topology) {
    super(scope, id)
    this.queues = mapEntries(topology.queues, (name, definition) =>
      this.create(name, visibilityOf(name, definition, topology), definition.maxReceiveCount),
    )
    this.outbound = mapEntries(topology.outboundQueues, (name, { visibilitySeconds, maxReceiveCount }) =>
      this.create(name, visibilitySeconds, maxReceiveCount),
    )
    this.access = mapEntries({ ...this.queues, ...this.outbound }, queueAccess)
  }

  private create(name: string, visibilitySeconds: number, maxReceiveCount: number): Queue {
    const deadLetterQueue = createDeadLetterQueue(this, `${name}DeadLetters`)
    this.deadLetters[name] = deadLetterQueue
    return new Queue(this, name, {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.seconds(visibilitySeconds),
      deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount },
    })
  }
}

/**
 * A record stays invisible for six times the worker's timeout and the batching window, which is what AWS asks for: Lambda tries a
 * throttled batch again inside that time.
 */
const visibilityOf = (name: string, definition: QueueDefinition, { functions }: Topology): number => {
  const worker = functions[definition.function]
  if (!worker) throw new Error(`queue ${name}: there is no function ${definition.function}`)
  return 6 * worker.timeoutSeconds + definition.maxBatchingWindowSeconds
}

const mapEntries = <From, To>(
  from: Readonly<Record<string, From>>,
  map: (name: string, value: From) => To,
): Readonly<Record<string, To>> =>
  Object.fromEntries(Object.entries(from).map(([name, value]) => [name, map(name, value)]))

const queueAccess = (name: string, queue: Queue): Access => ({
  environment: { [environmentName(name, 'QUEUE_URL')]: queue.queueUrl },
  securityGroups: [],
  grantTo: role => queue.grant(role, 'sqs:SendMessage'),
})
