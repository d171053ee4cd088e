import { describe, expect, test } from '@jest/globals'
import type { Template } from 'aws-cdk-lib/assertions'
import { topology as deployed, type Resource as Used } from '../../infra/topology.ts'
import { functionNamed, resource, resourceStatements, resources, statements, variablesOf } from './rendered.ts'
import { completeTopology, synthesize } from './synthesized.ts'

const straight = synthesize({ stage: 'dev' }, completeTopology)
const throughProxy = synthesize({ stage: 'prod' }, completeTopology)
const targets: [string, Template][] = [
  ['straight to the cluster', straight],
  ['through a proxy', throughProxy],
]
const names = Object.keys(completeTopology.functions)
const usesOf = (name: string): readonly Used[] => completeTopology.functions[name]?.uses ?? []
const insideVpc = (name: string) => usesOf(name).some(use => use.startsWith('database') || use === 'redis')

const idLike = (template: Template, type: string, pattern: RegExp): string => {
  const found = resources(template, type).find(each => pattern.test(each.id))
  if (!found) throw new Error(`no ${type} like ${pattern}`)
  return found.id
}
const queueId = (template: Template, name: string) =>
  idLike(template, 'AWS::SQS::Queue', new RegExp(`^WorkersQueues${name}[0-9A-F]{8}$`))

/** What each entry of `uses` may cost in permissions, written down anew here: `action resource`, nothing else. */
const allowedBy = (template: Template, use: Used): string[] => {
  const [kind, entry = ''] = use.split(':')
  switch (kind) {
    case 'database': {
      const cluster = resource(template, 'AWS::RDS::DBCluster').id
      if (entry === 'owner') {
        return reads(`<${cluster}.MasterUserSecret.SecretArn>`)
      }
      const [proxy] = resources(template, 'AWS::RDS::DBProxy')
      const user = proxy ? `<${proxy.id}.DBProxyArn>[6]` : `<${cluster}.DBClusterResourceId>`
      const login = entry === 'maintenance' ? 'kaha_maintenance' : 'kaha_app'
      return [`rds-db:connect ${inAccount('rds-db')}:dbuser:${user}/${login}`]
    }
    case 'content-keys': {
      const key = `<${idLike(template, 'AWS::KMS::Key', /^ContentKeys/)}.Arn>`
      const actions = entry === 'rotation' ? ['Decrypt', 'GenerateDataKeyWithoutPlaintext'] : ['Decrypt']
      return actions.map(action => `kms:${action} ${key}`)
    }
    case 'redis':
    case 'socket-url':
      return []
    case 'connections':
      return [
        `execute-api:ManageConnections ${inAccount('execute-api')}:<${idLike(template, 'AWS::ApiGatewayV2::Api', /WebSocket/)}>/v1/*/@connections/*`,
      ]
    case 'tokens':
      return reads(`<${idLike(template, 'AWS::SecretsManager::Secret', /^TokensJwtSecret/)}>`)
    case 'profiles':
      return reads(`<${idLike(template, 'AWS::SecretsManager::Secret', /^PlatformProfileApiToken/)}>`)
    case 'service-token':
      return reads(`<${idLike(template, 'AWS::SecretsManager::Secret', /^PlatformServiceToken/)}>`)
    case 'queue':
      return [`sqs:SendMessage <${queueId(template, entry)}.Arn>`]
    case 'table': {
      const table = `<${idLike(template, 'AWS::DynamoDB::Table', new RegExp(`^DataTables${entry}`))}.Arn>`
      const key = `<${idLike(template, 'AWS::KMS::Key', /^DataKey/)}.Arn>`
      return [
        `dynamodb:PutItem ${table}`,
        ...['Decrypt', 'Encrypt', 'GenerateDataKey'].map(action => `kms:${action} ${key}`),
      ]
    }
    default:
      throw new Error(`what does ${use} allow?`)
  }
}
const inAccount = (service: string) => `arn:<AWS::Partition>:${service}:<AWS::Region>:<AWS::AccountId>`
const reads = (secret: string) =>
  ['DescribeSecret', 'GetSecretValue'].map(action => `secretsmanager:${action} ${secret}`)

/** What Lambda itself needs to run the function where it is and to bring its events. */
const allowedByNature = (template: Template, name: string): string[] => {
  const log = idLike(template, 'AWS::Logs::LogGroup', new RegExp(`^Workers${name}Logs`))
  const consumed = Object.entries(completeTopology.queues).filter(([, queue]) => queue.function === name)
  const isOf = (callers: Readonly<Record<string, { function: string }>>) =>
    Object.values(callers).some(caller => caller.function === name)
  const deadLetters = [
    ...(isOf(completeTopology.schedules) ? [/ScheduleDeadLetters/] : []),
    ...(isOf(completeTopology.events) ? [/EventDeadLetters/] : []),
  ]
  return [
    ...['CreateLogStream', 'PutLogEvents'].map(action => `logs:${action} <${log}.Arn>`),
    ...(completeTopology.functions[name]?.untraced
      ? []
      : ['PutTelemetryRecords', 'PutTraceSegments'].map(action => `xray:${action} *`)),
    ...(insideVpc(name)
      ? [
          'AssignPrivateIpAddresses',
          'CreateNetworkInterface',
          'DeleteNetworkInterface',
          'DescribeNetworkInterfaces',
          'DescribeSubnets',
          'UnassignPrivateIpAddresses',
        ].map(action => `ec2:${action} *`)
      : []),
    ...consumed.flatMap(([queue]) =>
      ['ChangeMessageVisibility', 'DeleteMessage', 'GetQueueAttributes', 'GetQueueUrl', 'ReceiveMessage'].map(
        action => `sqs:${action} <${queueId(template, queue)}.Arn>`,
      ),
    ),
    ...deadLetters.flatMap(pattern =>
      ['GetQueueAttributes', 'GetQueueUrl', 'SendMessage'].map(
        action => `sqs:${action} <${idLike(template, 'AWS::SQS::Queue', pattern)}.Arn>`,
      ),
    ),
  ]
}

describe.each(targets)('with a database %s', (_, template) => {
  test.each(names)('%s may do what its `uses` say and nothing else', name => {
    const { Role } = functionNamed(template, name).properties
    const role = String(Role).replace('.Arn>', '>')
    const granted = statements(template).filter(statement => statement.owner === role)
    expect(granted.every(statement => statement.effect === 'Allow')).toBe(true)
    const actual = granted.flatMap(({ actions, resources }) =>
      actions.flatMap(action => resources.map(target => `${action} ${target}`)),
    )
    const expected = [...allowedByNature(template, name), ...usesOf(name).flatMap(use => allowedBy(template, use))]
    expect([...new Set(actual)].sort()).toEqual([...new Set(expected)].sort())
  })

  test('the keys of messages are unwrapped for the stage that they were made for and no other', () => {
    const key = `<${idLike(template, 'AWS::KMS::Key', /^ContentKeys/)}.Arn>`
    const granted = statements(template).filter(each => each.resources.includes(key))
    const users = names.filter(name => usesOf(name).some(use => use.startsWith('content-keys')))
    expect(granted).toHaveLength(users.length)
    const stage = template === straight ? 'dev' : 'prod'
    for (const { condition } of granted) {
      expect(condition).toEqual({
        StringEquals: { 'kms:EncryptionContext:service': 'kaha-chat', 'kms:EncryptionContext:stage': stage },
      })
    }
  })

  test('no function shares its role, and no role has a policy of Amazon that grants more', () => {
    const roles = names.map(name => functionNamed(template, name).properties.Role)
    expect(new Set(roles).size).toBe(names.length)
    for (const role of resources(template, 'AWS::IAM::Role').filter(each => each.id.startsWith('Workers'))) {
      expect(role.properties.ManagedPolicyArns).toBeUndefined()
    }
  })

  test('what is on record can not be changed: the one worker that writes it may add, and nobody anything else', () => {
    const role = (name: string) => String(functionNamed(template, name).properties.Role).replace('.Arn>', '>')
    const onTables = statements(template).filter(({ actions }) =>
      actions.some(action => action.startsWith('dynamodb:')),
    )
    const probes = names.filter(name => name.startsWith('Probe')).map(role)
    expect(onTables.filter(({ owner }) => !probes.includes(owner))).toMatchObject([
      { owner: role('AuditFunction'), actions: ['dynamodb:PutItem'] },
    ])
  })

  test('a wildcard stands only where AWS knows nothing narrower', () => {
    const wild = statements(template).flatMap(({ actions, resources }) =>
      actions.flatMap(action =>
        resources.filter(target => action.includes('*') || target.includes('*')).map(target => `${action} ${target}`),
      ),
    )
    const expected = [
      /^xray:Put(TraceSegments|TelemetryRecords) \*$/,
      /^ec2:\w+(NetworkInterfaces?|Subnets|PrivateIpAddresses) \*$/,
      /^execute-api:ManageConnections .*\/v1\/\*\/@connections\/\*$/,
      // Versions of one function, the migration.
      /^lambda:InvokeFunction <Workers\w+Function[0-9A-F]{8}\.Arn>:\*$/,
    ]
    expect(wild.filter(each => !expected.some(pattern => pattern.test(each)))).toEqual([])
    expect(expected.filter(pattern => !wild.some(each => pattern.test(each)))).toEqual([])
  })

  test('no policy on a resource lets in anybody, nor more than AWS asks for', () => {
    const root = { AWS: 'arn:<AWS::Partition>:iam::<AWS::AccountId>:root' }
    const cloudWatch = { Service: 'cloudwatch.amazonaws.com' }
    const expected = [
      // Without it a key could be managed by nobody any more. Access is given by roles.
      { principal: root, action: 'kms:*' },
      // CloudWatch asks for both kinds of data keys to publish to an encrypted topic.
      { principal: cloudWatch, action: 'kms:GenerateDataKey*' },
    ]
    const allowed = resourceStatements(template).filter(({ effect }) => effect === 'Allow')
    expect(allowed.length).toBeGreaterThan(0)
    const wild = allowed.flatMap(({ principal, actions, condition }) =>
      actions.filter(action => action.includes('*')).map(action => ({ principal, action, condition })),
    )
    for (const { principal, action } of wild) expect(expected).toContainEqual({ principal, action })
    for (const exception of expected) expect(wild).toContainEqual(expect.objectContaining(exception))
    for (const { principal, condition } of allowed) {
      expect(JSON.stringify(principal)).not.toMatch(/"\*"/)
      // A service of AWS acts for any account, so it is asked for which.
      if (JSON.stringify(principal).includes('"Service"')) expect(condition).not.toBeNull()
    }
  })

  test('policies of Amazon are attached where AWS has nothing narrower to offer', () => {
    const attached = resources(template, 'AWS::IAM::Role').flatMap(({ id, properties }) =>
      [properties.ManagedPolicyArns ?? []].flat().map(policy => `${id} ${String(policy).split('policy/').at(-1)}`),
    )
    const expected = [
      // The library's own functions, for what CloudFormation can not do: they write a log.
      /^Custom\w+ service-role\/AWSLambdaBasicExecutionRole$/,
      /^AWSCDKTrigger\w+ service-role\/AWSLambdaBasicExecutionRole$/,
      // One role of the account for the logs of all its WebSocket APIs: API Gateway makes groups by names of its own.
      /^RealtimeApiGatewayLogs\w+ service-role\/AmazonAPIGatewayPushToCloudWatchLogs$/,
      // Shifts traffic between versions and reads alarms; Amazon has it for all functions or none.
      ...(template === throughProxy ? [/^DeploymentsRole\w+ service-role\/AWSCodeDeployRoleForLambdaLimited$/] : []),
    ]
    expect(attached.filter(each => !expected.some(pattern => pattern.test(each)))).toEqual([])
    expect(expected.filter(pattern => !attached.some(each => pattern.test(each)))).toEqual([])
  })

  test('functions are called by the APIs and events of this account, and by no address of their own', () => {
    const permissions = resources(template, 'AWS::Lambda::Permission')
    expect(permissions.length).toBeGreaterThan(0)
    for (const { properties } of permissions) {
      expect(['apigateway.amazonaws.com', 'events.amazonaws.com']).toContain(properties.Principal)
      expect(properties.SourceArn).toBeDefined()
    }
    const reachable = [
      'AWS::Lambda::Url',
      'AWS::S3::Bucket',
      'AWS::EC2::Instance',
      'AWS::ElasticLoadBalancingV2::LoadBalancer',
      'AWS::CloudFront::Distribution',
      'AWS::ApiGateway::RestApi',
    ]
    for (const type of reachable) expect(resources(template, type)).toEqual([])
    expect(resources(template, 'AWS::ApiGatewayV2::Api')).toHaveLength(2)
  })

  test.each(names)('%s is in the VPC only when it uses a store that is there, and only reaches that', name => {
    const { VpcConfig } = functionNamed(template, name).properties
    if (!insideVpc(name)) {
      expect(VpcConfig).toBeUndefined()
      return
    }
    const { SecurityGroupIds, SubnetIds } = VpcConfig as Record<string, string[]>
    for (const subnet of SubnetIds ?? []) expect(subnet).toMatch(/^<NetworkVpcFunctionsSubnet/)
    const groups = (SecurityGroupIds ?? []).map(group => group.replace(/[0-9A-F]{8}\.GroupId>$/, '').slice(1))
    const database = name === completeTopology.migration ? 'DataDatabaseOwner' : 'DataDatabaseClients'
    expect(groups.sort()).toEqual(
      [
        'NetworkFunctions',
        ...(usesOf(name).some(use => use.startsWith('database')) ? [database] : []),
        ...(usesOf(name).includes('redis') ? ['DataCacheClients'] : []),
      ].sort(),
    )
  })
})

const databaseVariables = ['DATABASE_AUTH', 'DATABASE_STATEMENTS', 'DATABASE_TLS', 'DATABASE_URL']
const variablesFor: Record<string, string[]> = {
  database: databaseVariables,
  'database:maintenance': databaseVariables,
  'database:owner': [...databaseVariables, 'DATABASE_SECRET_ARN'],
  'content-keys': ['CONTENT_KMS_KEY_ARN'],
  'content-keys:rotation': ['CONTENT_KMS_KEY_ARN'],
  redis: ['REDIS_URL'],
  connections: ['WEBSOCKET_API_ENDPOINT'],
  'socket-url': ['WEBSOCKET_URL'],
  tokens: ['JWT_SECRET_ARN'],
  profiles: ['PROFILE_API_TOKEN_ARN'],
  'service-token': ['SERVICE_TOKEN_ARN'],
  'queue:ProbeJobs': ['PROBE_JOBS_QUEUE_URL'],
  'queue:Replay': ['REPLAY_QUEUE_URL'],
  'queue:Receipts': ['RECEIPTS_QUEUE_URL'],
  'queue:Profiles': ['PROFILES_QUEUE_URL'],
  'queue:Sweep': ['SWEEP_QUEUE_URL'],
  'queue:PushChecks': ['PUSH_CHECKS_QUEUE_URL'],
  'queue:Notifications': ['NOTIFICATIONS_QUEUE_URL'],
  'queue:Audit': ['AUDIT_QUEUE_URL'],
  'table:Audit': ['AUDIT_TABLE_NAME'],
}

describe('the environment', () => {
  test.each(names)('of %s holds the variables of its `uses` and nothing else', name => {
    const expected = [
      ...['LOG_LEVEL', 'LOG_MASK_KEY', 'POWERTOOLS_METRICS_NAMESPACE', 'POWERTOOLS_SERVICE_NAME', 'STAGE'],
      ...usesOf(name).flatMap(use => variablesFor[use] ?? [`${use.replace(/^\w+:/, '')}?`]),
    ]
    expect(Object.keys(variablesOf(throughProxy, name)).sort()).toEqual(expected.sort())
  })

  test.each(names)('of %s stays under the 4 KB that Lambda allows, however long the addresses get', name => {
    const widest = Object.entries(variablesOf(throughProxy, name)).map(
      ([key, value]) => key.length + value.replace(/<[^>]+>/g, 'x'.repeat(128)).length,
    )
    expect(widest.reduce((sum, size) => sum + size, 0)).toBeLessThan(4_096)
  })

  test('holds no secret, but for the key that masks ids in logs', () => {
    for (const template of [straight, throughProxy]) {
      for (const name of names) {
        const { LOG_MASK_KEY, ...variables } = variablesOf(template, name)
        expect(JSON.stringify(variables)).not.toMatch(/resolve:secretsmanager|:[^@/]+@/)
      }
    }
  })

  test('tells functions how to reach the database: as kaha_app by IAM, named statements only without a proxy', () => {
    const cluster = `<${resource(straight, 'AWS::RDS::DBCluster').id}.Endpoint.Address>`
    expect(variablesOf(straight, 'MessagesFunction')).toMatchObject({
      DATABASE_URL: `postgresql://kaha_app@${cluster}:5432/kaha_chat`,
      DATABASE_AUTH: 'iam',
      DATABASE_TLS: 'rds-ca',
      DATABASE_STATEMENTS: 'named',
    })
    const proxy = `<${resource(throughProxy, 'AWS::RDS::DBProxy').id}.Endpoint>`
    expect(variablesOf(throughProxy, 'MessagesFunction')).toMatchObject({
      DATABASE_URL: `postgresql://kaha_app@${proxy}:5432/kaha_chat`,
      DATABASE_AUTH: 'iam',
      DATABASE_TLS: 'public-ca',
      DATABASE_STATEMENTS: 'unnamed',
    })
  })

  test('gives the migration alone the owner of the database, past the proxy', () => {
    const cluster = resource(throughProxy, 'AWS::RDS::DBCluster').id
    expect(variablesOf(throughProxy, deployed.migration)).toMatchObject({
      DATABASE_URL: `postgresql://kaha_owner@<${cluster}.Endpoint.Address>:5432/kaha_chat`,
      DATABASE_AUTH: 'secret',
      DATABASE_SECRET_ARN: `<${cluster}.MasterUserSecret.SecretArn>`,
      DATABASE_TLS: 'rds-ca',
    })
  })

  test('reaches Valkey over TLS and sockets by the API that they are on', () => {
    const cache = resource(straight, 'AWS::ElastiCache::ServerlessCache').id
    const api = idLike(straight, 'AWS::ApiGatewayV2::Api', /WebSocket/)
    expect(variablesOf(straight, 'MessageFunction')).toMatchObject({
      REDIS_URL: `rediss://<${cache}.Endpoint.Address>:<${cache}.Endpoint.Port>`,
      WEBSOCKET_API_ENDPOINT: `https://<${api}>.execute-api.<AWS::Region>.<AWS::URLSuffix>/v1`,
    })
  })
})
