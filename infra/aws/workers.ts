import { Duration, RemovalPolicy, type SecretValue, Validations } from 'aws-cdk-lib'
import { Rule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Alias, type IFunction, type IVersion, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations'
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import { Schedule, ScheduleExpression, ScheduleGroup, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler'
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

/**
 * The topology's functions, the queues, schedules and events that call them, and the migration that runs before any other of them changes.
 * Whatever calls a function calls its alias, which a deployment moves to the new version.
 */
export class Workers extends Construct {
  readonly functions: Readonly<Record<string, LambdaFunction>>
  /** Of every function but the migration. */
  readonly aliases: Readonly<Record<string, Alias>>
  readonly queues: Queues
  readonly schedules: ScheduleGroup
  /** Runs that failed for good. */
  readonly scheduleDeadLetters: Queue
  /** Events that nobody could handle. */
  readonly eventDeadLetters: Queue

  constructor(scope: Construct, id: string, props: WorkersProps) {
    super(scope, id)
    const { topology } = props
    this.queues = new Queues(this, 'Queues', topology)
    const access = accessOf(props, this.queues)
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
    this.aliases = Object.fromEntries(
      Object.entries(this.functions)
        .filter(([name]) => name !== topology.migration)
        .map(([name, { currentVersion: version }]) => [
          name,
          // The library's classes say `undefined` where its interfaces say "absent", which strict TypeScript tells apart.
          new Alias(this, `${name}Alias`, { aliasName: 'live', version: version as IVersion }),
        ]),
    )
    this.schedules = new ScheduleGroup(this, 'Schedules', { removalPolicy: RemovalPolicy.DESTROY })
    this.scheduleDeadLetters = createDeadLetterQueue(this, 'ScheduleDeadLetters')
    this.eventDeadLetters = createDeadLetterQueue(this, 'EventDeadLetters')
    this.consume(topology)
    this.schedule(topology)
    this.listen(topology)
    this.migrate(props)
  }

  /** What is to be called for the function of that name. Throws when the topology has none. */
  alias(name: string): IFunction {
    const found = this.aliases[name]
    if (!found) throw new Error(`there is no function ${name}`)
    return found as IFunction
  }

  private consume(topology: Topology): void {
    for (const [name, queue] of Object.entries(this.queues.queues)) {
      const definition = topology.queues[name]
      if (!definition) continue
      this.alias(definition.function).addEventSource(
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
    Validations.of(this.scheduleDeadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself, of schedules and their functions instead of another queue.',
    })
    const scheduled = new Set(Object.values(topology.schedules).map(definition => definition.function))
    for (const name of scheduled) {
      // The scheduler hands an event to Lambda and is done; what then fails in the function ends here instead of nowhere.
      this.alias(name).configureAsyncInvoke({
        retryAttempts: 2,
        maxEventAge: Duration.hours(1),
        onFailure: new SqsDestination(this.scheduleDeadLetters),
      })
    }
    for (const [name, definition] of Object.entries(topology.schedules)) {
      new Schedule(this, `${name}Schedule`, {
        schedule: ScheduleExpression.expression(definition.expression),
        scheduleGroup: this.schedules,
        timeWindow: TimeWindow.off(),
        target: new LambdaInvoke(this.alias(definition.function), {
          role: new Role(this, `${name}ScheduleRole`, { assumedBy: new ServicePrincipal('scheduler.amazonaws.com') }),
          input: ScheduleTargetInput.fromObject({}),
          deadLetterQueue: this.scheduleDeadLetters,
          retryAttempts: 3,
          maxEventAge: Duration.hours(1),
        }),
      })
    }
  }

  private listen(topology: Topology): void {
    const deadLetterQueue = this.eventDeadLetters
    Validations.of(deadLetterQueue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself, of events and their functions instead of another queue.',
    })
    for (const [name, { function: functionName, detailTypes }] of Object.entries(topology.events)) {
      const target = this.alias(functionName)
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

  private migrate({ topology, data, network }: WorkersProps): void {
    const migration = this.functions[topology.migration]
    if (!migration) throw new Error(`there is no function ${topology.migration}`)
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
