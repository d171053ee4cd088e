import { CfnOutput, Stack, Tags } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { Topology } from '../topology.ts'
import { AlarmTopic } from './alarm-topic.ts'
import { Alarms } from './alarms.ts'
import { Api } from './api.ts'
import { ContentKeys } from './content-keys.ts'
import { createDashboard } from './dashboard.ts'
import { Data } from './data.ts'
import { Deployments } from './deployments.ts'
import type { MonitoredStack } from './monitored-stack.ts'
import { Network } from './network.ts'
import { createLogMaskKey } from './observability.ts'
import type { Options } from './options.ts'
import { Platform } from './platform.ts'
import { Realtime } from './realtime.ts'
import { stages } from './stages.ts'
import { Tokens } from './tokens.ts'
import { Workers } from './workers.ts'

export interface ChatStackProps {
  readonly topology: Topology
  /** The folder that holds a folder for each function of the topology, with its bundle. */
  readonly bundles: string
  readonly options: Options
}

/** The whole service for one stage. It needs no look-up and names no account or region: it goes where it is deployed. */
export class ChatStack extends Stack {
  constructor(scope: Construct, id: string, { topology, bundles, options }: ChatStackProps) {
    const settings = stages[options.stage]
    super(scope, id, {
      description: `kaha-chat, ${options.stage}`,
      terminationProtection: settings.protected,
    })
    Tags.of(this).add('Service', 'kaha-chat')
    Tags.of(this).add('Stage', options.stage)

    const network = new Network(this, 'Network', settings)
    const data = new Data(this, 'Data', { vpc: network.vpc, tables: topology.tables, options, settings })
    const contentKeys = new ContentKeys(this, 'ContentKeys', { stage: options.stage, settings })
    const tokens = new Tokens(this, 'Tokens', options, settings)
    const platform = new Platform(this, 'Platform', options, settings)
    const logMaskKey = createLogMaskKey(this, settings)
    const realtime = new Realtime(this, 'Realtime', { accountRole: options.apiGatewayAccountRole, settings })
    const workers = new Workers(this, 'Workers', {
      topology,
      bundles,
      network,
      data,
      contentKeys,
      tokens: tokens.access,
      profiles: platform.profiles,
      serviceToken: platform.serviceToken,
      connections: realtime.access,
      socketUrl: realtime.address,
      logMaskKey: logMaskKey.secretValue,
      stage: options.stage,
      operator: options.operator,
      settings,
    })
    const functionNamed = (name: string) => workers.alias(name)
    realtime.addRoutes(topology, functionNamed)
    const api = new Api(this, 'Api', { topology, functionNamed, corsOrigins: options.corsOrigins, settings })

    const monitored: MonitoredStack = {
      stage: options.stage,
      settings,
      topology,
      functions: workers.functions,
      queues: workers.queues,
      schedules: workers.schedules,
      scheduleDeadLetters: workers.scheduleDeadLetters,
      eventDeadLetters: workers.eventDeadLetters,
      httpApi: api.api,
      webSocketStage: realtime.stage,
      database: data.database,
      cacheName: data.cache.name,
      tables: data.tables.tables,
    }
    createDashboard(this, monitored)
    const { topic } = new AlarmTopic(this, 'AlarmTopic', {
      stage: options.stage,
      settings,
      emails: options.alarmEmails,
    })
    const alarms = new Alarms(this, 'Alarms', { monitored, topic })
    if (options.gradual) {
      new Deployments(this, 'Deployments', {
        aliases: workers.aliases,
        alarmsOf: name => alarms.onDeployment(name),
      })
    }

    new CfnOutput(this, 'HttpApiUrl', { value: api.url })
    new CfnOutput(this, 'WebSocketUrl', { value: realtime.url })
    for (const [name, table] of Object.entries(data.tables.tables)) {
      new CfnOutput(this, `${name}TableName`, { value: table.tableName })
    }
    new CfnOutput(this, 'JwtSecretArn', { value: tokens.secretArn })
    new CfnOutput(this, 'LogMaskKeyArn', { value: logMaskKey.secretArn })
    new CfnOutput(this, 'ProfileApiTokenArn', { value: platform.profileApiTokenArn })
    new CfnOutput(this, 'ServiceTokenArn', { value: platform.serviceTokenArn })
    for (const [name, queue] of Object.entries(workers.queues.outbound)) {
      new CfnOutput(this, `${name}QueueUrl`, { value: queue.queueUrl })
      new CfnOutput(this, `${name}QueueArn`, { value: queue.queueArn })
    }
    new CfnOutput(this, 'AlarmTopicArn', { value: topic.topicArn })
  }
}
