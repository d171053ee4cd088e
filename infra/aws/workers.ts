import { Duration, type SecretValue, Stack, Validations } from 'aws-cdk-lib'
import { Rule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations'
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler'
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import { Trigger } from 'aws-cdk-lib/triggers'
import { Construct } from 'constructs'
import type { OperatorSettings } from '../operator-settings.ts'
import type { Resource, Topology } from '../topology.ts'
import type { Access } from './access.ts'
import type { ContentKeys } from './content-keys.ts'
import type { Data } from './data.ts'
import { createFunction } from './functions.ts'
import type { Network } from './network.ts'
import { createDeadLetterQueue, Queues } from './queues.ts'
import type { StageName, StageSettings } from './stages.ts'

export interface WorkersProps {
  readonly topology: Topology
  readonly bundles: string
  readonly network: Network
  readonly data: Data
  readonly contentKeys: ContentKeys
  readonly tokens: Access
  readonly profiles: Access
  readonly serviceToken: Access
  readonly connections: Access
  readonly socketUrl: Access
  readonly logMaskKey: SecretValue
  readonly stage: StageName
  readonly operator: OperatorSettings
  readonly settings: StageSettings
}

/** The topology's functions, the queues, schedules and events that call them, and the migration that runs before any other of them changes. */
export class Workers extends Construct {
  readonly functions: Readonly<Record<string, LambdaFunction>>
  /** Queues that another service reads. */
  readonly outboundQueues: Readonly<Record<string, Queue>>

  constructor(scope: Construct, id: string, props: WorkersProps) {
    super(scope, id)
    const { topology } = props
    const queues = new Queues(this, 'Queues', topology)
    this.outboundQueues = queues.outbound
    const access = accessOf(props, queues)
    const feedsWorker = (use: Resource) => Object.keys(topology.queues).some(name => use === `queue:${name}`)
    const worksOnQueue = (name: string) => Object.values(topology.queues).some(queue => queue.function === name)
    this.functions = Object.fromEntries(
      Object.entries(topology.functions).map(([name, definition]) => [
        name,
        createFunction(this, name, {
          definition,
          access: definition.uses.map(resource => access(resource)),
          chains: worksOnQueue(name) && definition.uses.some(feedsWorker),
          bundles: props.bundles,
          vpc: props.network.vpc,
          functionsSecurityGroup: props.network.functions,
          stage: props.stage,
          logMaskKey: props.logMaskKey,
          operator: props.operator,
          settings: props.settings,
        }),
      ]),
    )
    this.consume(topology, queues)
    this.schedule(topology)
    this.listen(topology)
    this.migrate(props)
  }

  /** The function of that name. Throws when the topology has none. */
  function(name: string): LambdaFunction {
    const found = this.functions[name]
    if (!found) throw new Error(`there is no function ${name}`)
    return found
  }

  private consume(topology: Topology, { queues }: Queues): void {
    for (const [name, queue] of Object.entries(queues)) {
      const definition = topology.queues[name]
      if (!definition) continue
      this.function(definition.function).addEventSource(
        new SqsEventSource(queue, {
          batchSize: definition.batchSize,
          maxBatchingWindow: Duration.seconds(definition.maxBatchingWindowSeconds),
          maxConcurrency: definition.maxConcurrency,
          reportBatchItemFailures: true,
        }),
      )
    }
  }

  private schedule(topology: Topology): void {
    const deadLetterQueue = createDeadLetterQueue(this, 'ScheduleDeadLetters')
    Validations.of(deadLetterQueue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself, of schedules and their functions instead of another queue.',
    })
    const scheduled = new Set(Object.values(topology.schedules).map(definition => definition.function))
    for (const name of scheduled) {
      // The scheduler hands an event to Lambda and is done; what then fails in the function ends here instead of nowhere.
      this.function(name).configureAsyncInvoke({
        retryAttempts: 2,
        maxEventAge: Duration.hours(1),
        onFailure: new SqsDestination(deadLetterQueue),
      })
    }
    for (const [name, definition] of Object.entries(topology.schedules)) {
      const target = this.function(definition.function)
      new Schedule(this, `${name}Schedule`, {
        schedule: ScheduleExpression.expression(definition.expression),
        timeWindow: TimeWindow.off(),
        target: new LambdaInvoke(target, {
          role: this.createSchedulerRole(name, target),
          input: ScheduleTargetInput.fromObject({}),
          deadLetterQueue,
          retryAttempts: 3,
          maxEventAge: Duration.hours(1),
        }),
      })
    }
  }

  private listen(topology: Topology): void {
    const deadLetterQueue = createDeadLetterQueue(this, 'EventDeadLetters')
    Validations.of(deadLetterQueue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself, of events and their functions instead of another queue.',
    })
    for (const [name, { function: functionName, detailTypes }] of Object.entries(topology.events)) {
      const target = this.function(functionName)
      // As with schedules: the rule hands the event to Lambda and is done.
      target.configureAsyncInvoke({
        retryAttempts: 2,
        maxEventAge: Duration.hours(1),
        onFailure: new SqsDestination(deadLetterQueue),
      })
      new Rule(this, `${name}Rule`, {
        description: `kaha-chat hears ${detailTypes.join(' and ')}`,
        eventPattern: { detailType: [...detailTypes] },
        targets: [new LambdaTarget(target, { deadLetterQueue, retryAttempts: 3, maxEventAge: Duration.hours(1) })],
      })
    }
  }

  private createSchedulerRole(name: string, target: LambdaFunction): Role {
    const role = new Role(this, `${name}ScheduleRole`, { assumedBy: new ServicePrincipal('scheduler.amazonaws.com') })
    const [logicalId] = Stack.of(this).resolve(target.functionArn)['Fn::GetAtt']
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${logicalId}.Arn>:*]`,
      reason: 'The library grants the function and its versions; the schedule calls the function alone.',
    })
    return role
  }

  private migrate({ topology, data, network }: WorkersProps): void {
    const migration = this.function(topology.migration)
    const trigger = new Trigger(this, 'Migration', {
      handler: migration,
      // A little over the function's own time, so that its failure is what the deployment reports.
      timeout: migration.timeout?.plus(Duration.seconds(10)) ?? Duration.minutes(5),
      executeAfter: [network, ...data.database.ownerNeeds],
    })
    trigger.executeBefore(...Object.values(this.functions).filter(each => each !== migration))
  }
}

const accessOf = (
  { data, contentKeys, tokens, profiles, serviceToken, connections, socketUrl }: WorkersProps,
  queues: Queues,
) => {
  const named = (from: Readonly<Record<string, Access>>, resource: string): Access => {
    const found = from[resource.slice(resource.indexOf(':') + 1)]
    if (!found) throw new Error(`the topology has no ${resource}`)
    return found
  }
  return (resource: Resource): Access => {
    switch (resource) {
      case 'database':
        return data.database.access
      case 'database:maintenance':
        return data.database.maintenanceAccess
      case 'database:owner':
        return data.database.ownerAccess
      case 'content-keys':
        return contentKeys.access
      case 'content-keys:rotation':
        return contentKeys.rotationAccess
      case 'redis':
        return data.cache.access
      case 'tokens':
        return tokens
      case 'profiles':
        return profiles
      case 'service-token':
        return serviceToken
      case 'connections':
        return connections
      case 'socket-url':
        return socketUrl
      default:
        return named(resource.startsWith('queue:') ? queues.access : data.tables.access, resource)
    }
  }
}
