import { describe, expect, test } from '@jest/globals'
import type { Template } from 'aws-cdk-lib/assertions'
import { topology as deployed, type Topology } from '../../infra/topology.ts'
import { aliasOf, functionNamed, render, resource, resources } from './rendered.ts'
import { completeTopology, synthesize } from './synthesized.ts'

const deployments: [string, Topology, Template][] = [
  ['the deployed topology', deployed, synthesize({ stage: 'prod' })],
  ['a topology with a queue', completeTopology, synthesize({ stage: 'prod' }, completeTopology)],
]

const queueNamed = (template: Template, name: string) =>
  resources(template, 'AWS::SQS::Queue').find(({ id }) => new RegExp(`^WorkersQueues${name}[0-9A-F]{8}$`).test(id))

describe.each(deployments)('%s', (_, topology, template) => {
  test('every function is what it is declared to be, on arm64 and Node 24, with JSON logs and traces', () => {
    for (const [name, definition] of Object.entries(topology.functions)) {
      expect(functionNamed(template, name).properties).toMatchObject({
        Architectures: ['arm64'],
        Handler: 'index.handler',
        MemorySize: definition.memoryMb,
        Runtime: 'nodejs24.x',
        Timeout: definition.timeoutSeconds,
        LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'INFO', SystemLogLevel: 'WARN' },
      })
    }
  })

  test('every function but those that are called too often is traced', () => {
    const untraced = Object.keys(topology.functions).filter(
      name => JSON.stringify(functionNamed(template, name).properties.TracingConfig) !== '{"Mode":"Active"}',
    )
    expect(untraced).toEqual(['HeartbeatFunction'])
  })

  test('every function but the migration is called by an alias of its newest version', () => {
    for (const name of Object.keys(topology.functions).filter(each => each !== topology.migration)) {
      const alias = aliasOf(template, name)
      const version = resources(template, 'AWS::Lambda::Version').find(
        each => alias.properties.FunctionVersion === `<${each.id}.Version>`,
      )
      expect(version?.properties.FunctionName).toBe(`<${functionNamed(template, name).id}>`)
    }
  })

  test('a worker that queues follow-up jobs is not stopped as a loop, every other function is', () => {
    for (const [name, definition] of Object.entries(topology.functions)) {
      const works = Object.values(topology.queues).some(queue => queue.function === name)
      const feeds = Object.keys(topology.queues).some(queue => definition.uses.includes(`queue:${queue}`))
      expect(functionNamed(template, name).properties.RecursiveLoop).toBe(works && feeds ? 'Allow' : undefined)
    }
  })

  test('every queue has a dead-letter queue or is one, and lets nobody in without TLS', () => {
    const queues = resources(template, 'AWS::SQS::Queue')
    const redrives = queues.map(queue => queue.properties.RedrivePolicy as { deadLetterTargetArn: string } | undefined)
    const ends = new Set([
      ...redrives.map(redrive => redrive?.deadLetterTargetArn),
      ...resources(template, 'AWS::Scheduler::Schedule').map(
        ({ properties }) => (properties.Target as { DeadLetterConfig: { Arn: string } }).DeadLetterConfig.Arn,
      ),
      ...resources(template, 'AWS::Events::Rule').flatMap(({ properties }) =>
        (properties.Targets as { DeadLetterConfig: { Arn: string } }[]).map(each => each.DeadLetterConfig.Arn),
      ),
    ])
    expect(queues.length).toBeGreaterThan(0)
    for (const [index, queue] of queues.entries()) {
      expect(redrives[index] !== undefined || ends.has(`<${queue.id}.Arn>`)).toBe(true)
      expect(queue.properties.SqsManagedSseEnabled).toBe(true)
      const policy = resources(template, 'AWS::SQS::QueuePolicy').find(({ properties }) =>
        (properties.Queues as string[]).includes(`<${queue.id}>`),
      )
      expect(policy?.properties.PolicyDocument).toMatchObject({
        Statement: expect.arrayContaining([
          expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      })
    }
  })

  test('every record of a queue stays invisible for six times the worker and its window, and comes back alone when it fails', () => {
    const mappings = resources(template, 'AWS::Lambda::EventSourceMapping')
    expect(mappings).toHaveLength(Object.keys(topology.queues).length)
    for (const [name, definition] of Object.entries(topology.queues)) {
      const queue = queueNamed(template, name)
      const timeout = topology.functions[definition.function]?.timeoutSeconds ?? Number.NaN
      expect(queue?.properties.VisibilityTimeout).toBeGreaterThanOrEqual(
        6 * timeout + definition.maxBatchingWindowSeconds,
      )
      expect(queue?.properties.RedrivePolicy).toMatchObject({ maxReceiveCount: definition.maxReceiveCount })
      const mapping = mappings.find(each => each.properties.EventSourceArn === `<${queue?.id}.Arn>`)
      expect(mapping?.properties).toMatchObject({
        FunctionName: `<${aliasOf(template, definition.function).id}>[6]:live`,
        BatchSize: definition.batchSize,
        MaximumBatchingWindowInSeconds: definition.maxBatchingWindowSeconds,
        ScalingConfig: { MaximumConcurrency: definition.maxConcurrency },
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      })
    }
  })

  test('a queue that another service reads has no worker here, and the deployment says where it is', () => {
    for (const [name, { visibilitySeconds, maxReceiveCount }] of Object.entries(topology.outboundQueues)) {
      const queue = queueNamed(template, name)
      expect(queue?.properties).toMatchObject({
        VisibilityTimeout: visibilitySeconds,
        RedrivePolicy: { maxReceiveCount },
      })
      const mappings = resources(template, 'AWS::Lambda::EventSourceMapping')
      expect(mappings.map(({ properties }) => properties.EventSourceArn)).not.toContain(`<${queue?.id}.Arn>`)
      expect(render(template.findOutputs(`${name}QueueUrl`))).toMatchObject({
        [`${name}QueueUrl`]: { Value: `<${queue?.id}>` },
      })
      expect(render(template.findOutputs(`${name}QueueArn`))).toMatchObject({
        [`${name}QueueArn`]: { Value: `<${queue?.id}.Arn>` },
      })
    }
  })

  test('every schedule calls its function in time, and what fails for good is kept', () => {
    const schedules = resources(template, 'AWS::Scheduler::Schedule').map(each => each.properties)
    expect(schedules).toHaveLength(Object.keys(topology.schedules).length)
    for (const { function: name, expression } of Object.values(topology.schedules)) {
      const target = aliasOf(template, name)
      expect(schedules).toContainEqual(
        expect.objectContaining({
          ScheduleExpression: expression,
          FlexibleTimeWindow: { Mode: 'OFF' },
          State: 'ENABLED',
          Target: expect.objectContaining({
            Arn: `<${target.id}>`,
            Input: '{}',
            DeadLetterConfig: { Arn: expect.stringContaining('ScheduleDeadLetters') },
            RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 3_600 },
          }),
        }),
      )
      const invocation = resources(template, 'AWS::Lambda::EventInvokeConfig').find(
        ({ properties }) => properties.Qualifier === `<${target.id}>[7]`,
      )
      expect(invocation?.properties.DestinationConfig).toMatchObject({
        OnFailure: { Destination: expect.stringContaining('ScheduleDeadLetters') },
      })
    }
  })

  test('every event that others publish reaches its function, and what fails for good is kept', () => {
    const rules = resources(template, 'AWS::Events::Rule').map(each => each.properties)
    expect(rules).toHaveLength(Object.keys(topology.events).length)
    for (const { function: name, detailTypes } of Object.values(topology.events)) {
      const target = aliasOf(template, name)
      expect(rules).toContainEqual(
        expect.objectContaining({
          EventPattern: { 'detail-type': detailTypes },
          State: 'ENABLED',
          Targets: [
            expect.objectContaining({
              Arn: `<${target.id}>`,
              DeadLetterConfig: { Arn: expect.stringContaining('EventDeadLetters') },
              RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 3_600 },
            }),
          ],
        }),
      )
      const invocation = resources(template, 'AWS::Lambda::EventInvokeConfig').find(
        ({ properties }) => properties.Qualifier === `<${target.id}>[7]`,
      )
      expect(invocation?.properties.DestinationConfig).toMatchObject({
        OnFailure: { Destination: expect.stringContaining('EventDeadLetters') },
      })
    }
  })

  test('the migration runs on each deployment that changes it: after the database is there, before any other function is touched', () => {
    const migration = functionNamed(template, topology.migration)
    const trigger = resource(template, 'Custom::Trigger')
    const version = resources(template, 'AWS::Lambda::Version').find(
      each => each.properties.FunctionName === `<${migration.id}>`,
    )
    expect(trigger.properties).toMatchObject({ HandlerArn: `<${version?.id}>`, InvocationType: 'RequestResponse' })
    expect(Number(trigger.properties.Timeout)).toBeGreaterThan(Number(migration.properties.Timeout) * 1_000)

    for (const type of ['AWS::RDS::DBCluster', 'AWS::RDS::DBInstance', 'AWS::EC2::NatGateway']) {
      for (const each of resources(template, type)) expect(trigger.dependsOn).toContain(each.id)
    }
    const ways = resources(template, 'AWS::EC2::SecurityGroupIngress').filter(way =>
      String(way.properties.SourceSecurityGroupId).startsWith('<DataDatabaseOwner'),
    )
    expect(ways).toHaveLength(1)
    for (const way of ways) expect(trigger.dependsOn).toContain(way.id)

    for (const name of Object.keys(topology.functions).filter(each => each !== topology.migration)) {
      expect(functionNamed(template, name).dependsOn).toContain(trigger.id)
    }
  })
})

test('a topology that names what it does not have is refused', () => {
  const withFunction = (uses: Topology['functions'][string]['uses']): Topology => ({
    ...deployed,
    functions: {
      ...deployed.functions,
      LostFunction: { entry: 'functions/http/lost.ts', memoryMb: 128, timeoutSeconds: 1, uses },
    },
  })
  expect(() => synthesize({ stage: 'dev' }, withFunction(['queue:Nowhere']))).toThrow('queue:Nowhere')
  expect(() => synthesize({ stage: 'dev' }, withFunction(['table:Nothing']))).toThrow('table:Nothing')
  expect(() => synthesize({ stage: 'dev' }, { ...deployed, httpDefaultFunction: 'NoFunction' })).toThrow('NoFunction')
})
