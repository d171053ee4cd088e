import { describe, expect, test } from '@jest/globals'
import type { Template } from 'aws-cdk-lib/assertions'
import { type StageName, stages } from '../../infra/aws/stages.ts'
import { alarmMetricsOfTheStack, keysOfTheStack, secretsOfTheStack } from '../../infra/cost/standing.ts'
import { resource, resources, variablesOf } from './rendered.ts'
import { build, synthesize } from './synthesized.ts'

const dev = synthesize({ stage: 'dev' })
const prod = synthesize({ stage: 'prod' })
const both: [StageName, Template][] = [
  ['dev', dev],
  ['prod', prod],
]

/** Whatever the bill has a line for. */
const billed = [
  'AWS::ApiGatewayV2::Api',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::DynamoDB::Table',
  'AWS::EC2::NatGateway',
  'AWS::ElastiCache::ServerlessCache',
  'AWS::KMS::Key',
  'AWS::Lambda::Function',
  'AWS::Logs::LogGroup',
  'AWS::RDS::DBCluster',
  'AWS::RDS::DBInstance',
  'AWS::SecretsManager::Secret',
  'AWS::SNS::Topic',
  'AWS::SQS::Queue',
]

describe.each(both)('%s', (stage, template) => {
  test('gives out the addresses of both APIs, named as on one machine', () => {
    const outputs = template.findOutputs('*')
    expect(Object.keys(outputs)).toEqual(expect.arrayContaining(['HttpApiUrl', 'WebSocketUrl', 'AuditTableName']))
  })

  test('has nothing public but its APIs: no database, cache or proxy in a public subnet, no way in from an address', () => {
    for (const instance of resources(template, 'AWS::RDS::DBInstance')) {
      expect(instance.properties.PubliclyAccessible).toBe(false)
    }
    const stores = [
      ...resources(template, 'AWS::RDS::DBSubnetGroup').flatMap(each => each.properties.SubnetIds),
      ...resources(template, 'AWS::ElastiCache::ServerlessCache').flatMap(each => each.properties.SubnetIds),
      ...resources(template, 'AWS::RDS::DBProxy').flatMap(each => each.properties.VpcSubnetIds),
    ]
    expect(stores.length).toBeGreaterThanOrEqual(4)
    for (const subnet of stores) expect(subnet).toMatch(/^<NetworkVpcStoresSubnet/)
    for (const group of resources(template, 'AWS::EC2::SecurityGroup')) {
      expect(group.properties.SecurityGroupIngress).toBeUndefined()
    }
    const ways = resources(template, 'AWS::EC2::SecurityGroupIngress')
    expect(ways.length).toBeGreaterThan(0)
    for (const way of ways) expect(way.properties.SourceSecurityGroupId).toBeDefined()
  })

  test('opens no port to the same group twice, which AWS refuses', () => {
    for (const type of ['AWS::EC2::SecurityGroupIngress', 'AWS::EC2::SecurityGroupEgress']) {
      const rules = resources(template, type).map(({ properties }) =>
        JSON.stringify([properties.GroupId, properties.SourceSecurityGroupId, properties.DestinationSecurityGroupId]),
      )
      expect(new Set(rules).size).toBe(rules.length)
    }
  })

  test('encrypts every store with one key of the stack, and the keys of messages with another; both are renewed', () => {
    const keys = resources(template, 'AWS::KMS::Key')
    expect(keys.map(({ id }) => id.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual([
      'AlarmTopicKey',
      'ContentKeysKey',
      'DataKey',
    ])
    for (const key of keys) expect(key.properties.EnableKeyRotation).toBe(true)
    const arn = `<${keys.find(({ id }) => id.startsWith('DataKey'))?.id}.Arn>`
    expect(resource(template, 'AWS::RDS::DBCluster').properties).toMatchObject({
      StorageEncrypted: true,
      KmsKeyId: arn,
    })
    expect(resource(template, 'AWS::ElastiCache::ServerlessCache').properties.KmsKeyId).toBe(arn)
    for (const table of resources(template, 'AWS::DynamoDB::Table')) {
      expect(table.properties.SSESpecification).toMatchObject({ SSEEnabled: true, KMSMasterKeyId: arn })
    }
  })

  test('runs Postgres 18 that takes TLS only and ends statements before the functions give up', () => {
    expect(resource(template, 'AWS::RDS::DBCluster').properties).toMatchObject({
      Engine: 'aurora-postgresql',
      EngineVersion: expect.stringMatching(/^18\./),
      EnableIAMDatabaseAuthentication: true,
      ManageMasterUserPassword: true,
    })
    const { Parameters } = resource(template, 'AWS::RDS::DBClusterParameterGroup').properties
    expect(Parameters).toMatchObject({ 'rds.force_ssl': '1' })
    expect(Parameters).toMatchObject({ log_error_verbosity: 'terse' })
    const { statement_timeout, idle_in_transaction_session_timeout } = Parameters as Record<string, string>
    expect(Number(statement_timeout)).toBeLessThan(10_000)
    expect(Number(idle_in_transaction_session_timeout)).toBeLessThanOrEqual(10_000)
  })

  test('opens both ports of Valkey to the functions that use it, and goes without it when the stack goes', () => {
    const cache = resource(template, 'AWS::ElastiCache::ServerlessCache')
    expect(cache.properties).toMatchObject({ Engine: 'valkey', MajorEngineVersion: '8' })
    expect(cache.deletionPolicy).toBe('Delete')
    const [group] = cache.properties.SecurityGroupIds as string[]
    const ways = resources(template, 'AWS::EC2::SecurityGroupIngress').filter(way => way.properties.GroupId === group)
    expect(ways.map(way => [way.properties.FromPort, way.properties.ToPort])).toEqual([[6379, 6380]])
  })

  test('reaches DynamoDB and S3 without the NAT gateways', () => {
    const services = resources(template, 'AWS::EC2::VPCEndpoint').map(endpoint => endpoint.properties)
    expect(services.map(each => each.VpcEndpointType)).toEqual(['Gateway', 'Gateway'])
    expect(services.map(each => String(each.ServiceName).split('.').at(-1)).sort()).toEqual(['dynamodb', 's3'])
  })

  test('makes secrets of at least 32 bytes: for tokens of users, for both directions between services, for masks in logs', () => {
    const secrets = resources(template, 'AWS::SecretsManager::Secret')
    expect(secrets).toHaveLength(4)
    for (const { properties } of secrets) {
      const { PasswordLength } = properties.GenerateSecretString as { PasswordLength: number }
      expect(PasswordLength).toBeGreaterThanOrEqual(32)
    }
  })

  test('expires the audit entries by their own time', () => {
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    })
  })

  test.each(billed)('says of what it pays for whose it is: %s', type => {
    const found = resources(template, type).filter(({ id }) => type !== 'AWS::Lambda::Function' || /^Workers/.test(id))
    expect(found.length).toBeGreaterThan(0)
    for (const { properties } of found) {
      const { Tags } = properties
      const tags = Array.isArray(Tags)
        ? Object.fromEntries((Tags as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]))
        : Tags
      expect(tags).toMatchObject({ Service: 'kaha-chat', Stage: stage })
    }
  })

  test('throttles each API as its stage says, and both together below what the account has', () => {
    const { http, webSocket } = stages[stage].throttle
    const throttleOf = (protocol: string) => {
      const api = resources(template, 'AWS::ApiGatewayV2::Api').find(each => each.properties.ProtocolType === protocol)
      const served = resources(template, 'AWS::ApiGatewayV2::Stage')
      return served.find(each => each.properties.ApiId === `<${api?.id}>`)?.properties.DefaultRouteSettings
    }
    for (const [protocol, { rateLimit, burstLimit }] of [
      ['HTTP', http],
      ['WEBSOCKET', webSocket],
    ] as const) {
      const throttle = { ThrottlingRateLimit: rateLimit, ThrottlingBurstLimit: burstLimit }
      expect(throttleOf(protocol)).toMatchObject(throttle)
    }
    expect(http.rateLimit + webSocket.rateLimit).toBeLessThan(10_000)
  })

  test('keeps every log for a set time', () => {
    const groups = resources(template, 'AWS::Logs::LogGroup')
    const days = new Set(groups.map(group => group.properties.RetentionInDays))
    expect([...days]).toEqual([stage === 'dev' ? 7 : 90])
    const functions = resources(template, 'AWS::Lambda::Function').filter(each => each.id.startsWith('Workers'))
    const logs = functions.map(each => (each.properties.LoggingConfig as { LogGroup: string }).LogGroup)
    expect(new Set(logs).size).toBe(functions.length)
    for (const log of logs) expect(groups.map(group => `<${group.id}>`)).toContain(log)
  })
})

const stateful = [
  'AWS::RDS::DBCluster',
  'AWS::DynamoDB::Table',
  'AWS::KMS::Key',
  'AWS::SecretsManager::Secret',
  'AWS::Logs::LogGroup',
]

test('dev is cheap and leaves nothing behind', () => {
  dev.resourceCountIs('AWS::EC2::NatGateway', 1)
  dev.resourceCountIs('AWS::RDS::DBInstance', 1)
  dev.resourceCountIs('AWS::RDS::DBProxy', 0)
  dev.hasResourceProperties('AWS::RDS::DBCluster', {
    DeletionProtection: false,
    BackupRetentionPeriod: 1,
    ServerlessV2ScalingConfiguration: { MinCapacity: 0.5 },
  })
  for (const each of stateful.flatMap(type => resources(dev, type))) expect(each.deletionPolicy).toBe('Delete')
  const staying = Object.values(dev.toJSON().Resources as Record<string, { Type: string; DeletionPolicy?: string }>)
    .filter(each => each.DeletionPolicy === 'Retain')
    .map(each => each.Type)
  // API Gateway's role for logs is the region's.
  expect(staying.sort()).toEqual(['AWS::ApiGateway::Account', 'AWS::IAM::Role'])
  expect(build({ stage: 'dev' }).stack.terminationProtection).toBe(false)
})

test('prod stands in two zones and keeps its data whatever happens to the stack', () => {
  prod.resourceCountIs('AWS::EC2::NatGateway', 2)
  prod.resourceCountIs('AWS::RDS::DBInstance', 2)
  prod.hasResourceProperties('AWS::RDS::DBCluster', { DeletionProtection: true, BackupRetentionPeriod: 14 })
  prod.hasResourceProperties('AWS::DynamoDB::Table', {
    DeletionProtectionEnabled: true,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  })
  for (const each of stateful.flatMap(type => Object.values(prod.findResources(type)))) {
    expect([each.DeletionPolicy, each.UpdateReplacePolicy]).toEqual(['Retain', 'Retain'])
  }
  expect(build({ stage: 'prod' }).stack.terminationProtection).toBe(true)
})

test('prod has a proxy that logs in by IAM on both sides, takes TLS only and does not let functions wait', () => {
  const proxy = resource(prod, 'AWS::RDS::DBProxy')
  expect(proxy.properties).toMatchObject({ DefaultAuthScheme: 'IAM_AUTH', RequireTLS: true })
  expect(proxy.properties.Auth).toBeUndefined()
  prod.hasResourceProperties('AWS::RDS::DBProxyTargetGroup', {
    ConnectionPoolConfigurationInfo: { ConnectionBorrowTimeout: 3 },
  })
})

test('a dev stage has a proxy when asked for', () => {
  synthesize({ stage: 'dev', proxy: 'true' }).resourceCountIs('AWS::RDS::DBProxy', 1)
})

test('existing secrets are used instead of new ones', () => {
  const arnOf = (name: string) => `arn:aws:secretsmanager:eu-west-1:111122223333:secret:platform/${name}-AbCdEf`
  const existing = {
    jwtSecretArn: arnOf('jwt'),
    profileApiTokenArn: arnOf('profiles'),
    serviceTokenArn: arnOf('services'),
  }
  const template = synthesize({ stage: 'dev', profileApiUrl: 'https://api.example.com/main', ...existing })
  expect(resources(template, 'AWS::SecretsManager::Secret').map(({ id }) => id)).toEqual([
    expect.stringMatching(/^LogMaskKey/),
  ])
  expect(variablesOf(template, 'ConversationsFunction')).toMatchObject({
    JWT_SECRET_ARN: existing.jwtSecretArn,
    PROFILE_API_URL: 'https://api.example.com/main',
    PROFILE_API_TOKEN_ARN: existing.profileApiTokenArn,
  })
  expect(variablesOf(template, 'PlatformFunction')).toMatchObject({ SERVICE_TOKEN_ARN: existing.serviceTokenArn })
})

test("API Gateway's role for logs is made before the WebSocket stage and outlives the stack, or is left to the account", () => {
  const account = resource(prod, 'AWS::ApiGateway::Account')
  expect(account.deletionPolicy).toBe('Retain')
  const stage = resources(prod, 'AWS::ApiGatewayV2::Stage').find(each => each.properties.StageName === 'v1')
  expect(stage?.dependsOn).toContain(account.id)
  synthesize({ stage: 'prod', apiGatewayAccountRole: 'false' }).resourceCountIs('AWS::ApiGateway::Account', 0)
})

test('the model of costs knows what the stack has that is paid for by the month', () => {
  const alarms = resources(prod, 'AWS::CloudWatch::Alarm').map(({ properties }) =>
    Array.isArray(properties.Metrics)
      ? properties.Metrics.filter(each => JSON.stringify(each).includes('MetricStat')).length
      : 1,
  )
  const alarmMetrics = alarms.reduce((sum, metrics) => sum + metrics, 0)
  expect(Math.abs(alarmMetrics - alarmMetricsOfTheStack)).toBeLessThan(alarmMetricsOfTheStack / 5)
  expect(resources(prod, 'AWS::KMS::Key')).toHaveLength(keysOfTheStack)
  // RDS makes that of the owner.
  expect(resources(prod, 'AWS::SecretsManager::Secret')).toHaveLength(secretsOfTheStack - 1)
  expect(resources(prod, 'AWS::CloudWatch::Dashboard')).toHaveLength(1)
})
