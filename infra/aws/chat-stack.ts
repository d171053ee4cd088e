import { CfnOutput, Stack, Tags } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { Topology } from '../topology.ts'
import { Api } from './api.ts'
import { ContentKeys } from './content-keys.ts'
import { Data } from './data.ts'
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
    const functionNamed = (name: string) => workers.function(name)
    realtime.addRoutes(topology, functionNamed)
    const api = new Api(this, 'Api', { topology, functionNamed, corsOrigins: options.corsOrigins, settings })

    new CfnOutput(this, 'HttpApiUrl', { value: api.url })
    new CfnOutput(this, 'WebSocketUrl', { value: realtime.url })
    for (const [name, table] of Object.entries(data.tables.tables)) {
      new CfnOutput(this, `${name}TableName`, { value: table.tableName })
    }
    new CfnOutput(this, 'JwtSecretArn', { value: tokens.secretArn })
    new CfnOutput(this, 'LogMaskKeyArn', { value: logMaskKey.secretArn })
    new CfnOutput(this, 'ProfileApiTokenArn', { value: platform.profileApiTokenArn })
    new CfnOutput(this, 'ServiceTokenArn', { value: platform.serviceTokenArn })
    for (const [name, queue] of Object.entries(workers.outboundQueues)) {
      new CfnOutput(this, `${name}QueueUrl`, { value: queue.queueUrl })
      new CfnOutput(this, `${name}QueueArn`, { value: queue.queueArn })
    }
  }
}
