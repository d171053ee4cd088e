import { RemovalPolicy } from 'aws-cdk-lib'
import { type IVpc, Port, SecurityGroup, SubnetType } from 'aws-cdk-lib/aws-ec2'
import { CfnServerlessCache } from 'aws-cdk-lib/aws-elasticache'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import type { Access } from './access.ts'
import type { StageName, StageSettings } from './stages.ts'

export interface CacheProps {
  readonly vpc: IVpc
  readonly key: IKey
  readonly stage: StageName
  readonly settings: StageSettings
}

/**
 * ElastiCache Serverless for Valkey: always in cluster mode, always TLS. It holds nothing that can't be rebuilt, so it has no
 * snapshots and goes with the stack.
 */
export class Cache extends Construct {
  readonly access: Access
  /** As CloudWatch knows it. */
  readonly name: string

  constructor(scope: Construct, id: string, { vpc, key, stage, settings }: CacheProps) {
    super(scope, id)
    this.name = `kaha-chat-${stage}`
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Valkey',
      allowAllOutbound: false,
    })
    const clients = new SecurityGroup(this, 'Clients', {
      vpc,
      description: 'Functions that use Valkey',
      allowAllOutbound: false,
    })
    // 6379 is the primary, 6380 reads from replicas; cluster clients open both.
    clients.connections.allowTo(securityGroup, Port.tcpRange(6379, 6380))

    const cache = new CfnServerlessCache(this, 'Cache', {
      serverlessCacheName: this.name,
      engine: 'valkey',
      majorEngineVersion: '8',
      subnetIds: vpc.selectSubnets({ subnetType: SubnetType.PRIVATE_ISOLATED }).subnetIds,
      securityGroupIds: [securityGroup.securityGroupId],
      kmsKeyId: key.keyArn,
      cacheUsageLimits: {
        dataStorage: { unit: 'GB', maximum: settings.cache.maxGigabytes },
        ecpuPerSecond: { maximum: settings.cache.maxProcessingUnitsPerSecond },
      },
    })
    cache.applyRemovalPolicy(RemovalPolicy.DESTROY)
    this.access = {
      environment: { REDIS_URL: `rediss://${cache.attrEndpointAddress}:${cache.attrEndpointPort}` },
      securityGroups: [clients],
      grantTo: () => undefined,
    }
  }
}
