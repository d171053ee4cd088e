import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import type { Template } from 'aws-cdk-lib/assertions'
import { topology } from '../../infra/topology.ts'
import { metricDimensions, metricNamespace, metricUnits } from '../../shared/platform/metric-catalogue.ts'
import { alarmsOf, metricsOf, ownMetricsOfAlarms } from './alarm-metrics.ts'
import { functionNamed, type Resource, render, resource, resourceLike, resources } from './rendered.ts'
import { synthesize } from './synthesized.ts'

const dev = synthesize({ stage: 'dev' })
const prod = synthesize({ stage: 'prod', alarmEmails: 'ops@example.com, night@example.com' })
const both: [string, Template][] = [
  ['dev', dev],
  ['prod', prod],
]
const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8')

/** The kind is what stands behind the stack in its name; `of` whatever stands behind that. */
const nameOf = ({ properties }: Resource) => {
  const [, , kind = '', ...of] = String(properties.AlarmName).split('-')
  return { kind, of: of.join('-') }
}
const ofKind = (template: Template, kind: string) => alarmsOf(template).filter(alarm => nameOf(alarm).kind === kind)

/** The sections of the runbook that are about alarms, by their titles. */
const entries = new Map(
  runbook
    .split(/^## /m)
    .slice(1)
    .map(text => [text.split('\n')[0] ?? '', text] as const)
    .filter(([title]) => title !== 'Looking'),
)

describe.each(both)('the alarms of %s', (_, template) => {
  test('each have an entry in the runbook, to which they lead', () => {
    expect(alarmsOf(template).length).toBeGreaterThan(50)
    for (const alarm of alarmsOf(template)) {
      const { kind } = nameOf(alarm)
      expect([...entries.keys()]).toContain(kind)
      expect(alarm.properties.AlarmDescription).toMatch(
        new RegExp(`^[A-Z].*\\. See docs/runbook\\.md#${kind.toLowerCase()}$`),
      )
    }
  })

  test('each tell the topic when they begin and when they end', () => {
    const topic = resource(template, 'AWS::SNS::Topic')
    for (const { properties } of alarmsOf(template)) {
      expect(properties.AlarmActions).toEqual([`<${topic.id}>`])
      expect(properties.OKActions).toEqual([`<${topic.id}>`])
    }
  })

  test('on metrics of ours name what is in the catalogue, under its dimensions', () => {
    const own = ownMetricsOfAlarms(template)
    expect(new Set(own.map(({ MetricName }) => MetricName)).size).toBeGreaterThanOrEqual(6)
    for (const metric of own) {
      expect(metric.Namespace).toBe(metricNamespace)
      expect(Object.keys(metricUnits)).toContain(metric.MetricName)
      expect(metric.Dimensions?.map(({ Name }) => Name)).toEqual([...metricDimensions])
      for (const name of Object.keys(topology.functions)) {
        expect(functionNamed(template, name).properties.Environment).toMatchObject({
          Variables: {
            POWERTOOLS_METRICS_NAMESPACE: metric.Namespace,
            POWERTOOLS_SERVICE_NAME: metric.Dimensions?.[0]?.Value,
            STAGE: metric.Dimensions?.[1]?.Value,
          },
        })
      }
    }
  })

  test('watch every function, every queue, every dead-letter queue and every table', () => {
    const named = (kind: string) => ofKind(template, kind).map(alarm => nameOf(alarm).of)
    const functions = Object.keys(topology.functions)
    // It fails with every bad token.
    expect(named('FunctionErrors').sort()).toEqual(
      functions.filter(name => name !== topology.webSocketAuthorizer).sort(),
    )
    expect(named('FunctionThrottles')).toEqual([''])
    const queues = [...Object.keys(topology.queues), ...Object.keys(topology.outboundQueues)]
    expect(named('QueueAge').sort()).toEqual(queues.sort())
    expect(named('TableThrottles').sort()).toEqual(Object.keys(topology.tables).sort())
    const watched = ['DeadLetters', 'ScheduleDeadLetters', 'EventDeadLetters']
      .flatMap(kind => ofKind(template, kind))
      .map(alarm => metricsOf(alarm)[0]?.Dimensions?.[0]?.Value)
    const deadLetterQueues = resources(template, 'AWS::SQS::Queue').filter(({ id }) => id.includes('DeadLetters'))
    expect(watched.sort()).toEqual(deadLetterQueues.map(({ id }) => `<${id}.QueueName>`).sort())
  })

  test('begin when what should come does not come', () => {
    for (const kind of ['SweepStandsStill', 'RetentionStandsStill']) {
      const [alarm] = ofKind(template, kind)
      expect(alarm?.properties).toMatchObject({
        TreatMissingData: 'breaching',
        ComparisonOperator: 'LessThanThreshold',
        Threshold: 1,
        Metrics: [{ MetricStat: { Stat: 'SampleCount' } }],
      })
    }
  })
})

test('the runbook has an entry for every kind of alarm and no other, with what it means, how to look and what to do', () => {
  // prod has them all: without a proxy, nothing is to be watched of it.
  const kinds = new Set(alarmsOf(prod).map(alarm => nameOf(alarm).kind))
  expect([...entries.keys()].sort()).toEqual([...kinds].sort())
  for (const text of entries.values()) {
    expect(text).toContain('**Means**')
    expect(text).toContain('**Look**')
    expect(text).toContain('**Do**')
  }
})

test('every link of the runbook leads to a section of it', () => {
  const titles = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-'))
  const links = [...runbook.matchAll(/\]\(#([^)]+)\)/g)].map(([, link]) => link)
  expect(links.length).toBeGreaterThan(20)
  for (const link of links) expect(titles).toContain(link)
})

describe('the topic of alarms', () => {
  test('is encrypted with a key that CloudWatch may use, and takes from it what comes over TLS', () => {
    const topic = resource(prod, 'AWS::SNS::Topic')
    const key = resourceLike(prod, 'AWS::KMS::Key', /^AlarmTopic/)
    expect(topic.properties.KmsMasterKeyId).toBe(`<${key.id}.Arn>`)
    const source = { StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' } }
    const cloudWatch = { Effect: 'Allow', Principal: { Service: 'cloudwatch.amazonaws.com' }, Condition: source }
    const { Statement: ofKey } = key.properties.KeyPolicy as { Statement: unknown[] }
    expect(ofKey).toContainEqual({ ...cloudWatch, Action: ['kms:Decrypt', 'kms:GenerateDataKey*'], Resource: '*' })
    const policy = resource(prod, 'AWS::SNS::TopicPolicy').properties.PolicyDocument as { Statement: unknown[] }
    expect(policy.Statement).toContainEqual(
      expect.objectContaining({ ...cloudWatch, Action: 'sns:Publish', Resource: `<${topic.id}>` }),
    )
    expect(policy.Statement).toContainEqual(
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    )
  })

  test('sends mail to whom the options name, and to nobody else', () => {
    const addresses = resources(prod, 'AWS::SNS::Subscription').map(({ properties }) => properties.Endpoint)
    expect(addresses.sort()).toEqual(['night@example.com', 'ops@example.com'])
    expect(resources(dev, 'AWS::SNS::Subscription')).toEqual([])
  })
})

describe('the dashboard', () => {
  const { widgets } = JSON.parse(
    String(render(resource(prod, 'AWS::CloudWatch::Dashboard').properties.DashboardBody)),
  ) as { widgets: { type: string; y: number; properties: { markdown?: string; metrics?: unknown[][] } }[] }
  const titles = widgets.filter(({ type }) => type === 'text')
  const below = (title: string) => {
    const from = titles.find(({ properties }) => properties.markdown === `# ${title}`)?.y ?? Number.NaN
    const to = titles.find(({ y }) => y > from)?.y ?? Number.POSITIVE_INFINITY
    return widgets.filter(({ type, y }) => type === 'metric' && y > from && y < to)
  }

  test('has a part for users, for the system and for money, in that order', () => {
    expect(titles.map(({ properties }) => properties.markdown)).toEqual(['# Users', '# System', '# Money'])
    for (const title of ['Users', 'System', 'Money']) expect(below(title).length).toBeGreaterThanOrEqual(2)
  })

  test('shows every metric of ours, and none that nobody writes', () => {
    const shown = widgets
      .flatMap(({ properties }) => properties.metrics ?? [])
      .filter(([namespace]) => namespace === metricNamespace)
      .map(([, name]) => name)
    expect([...new Set(shown)].sort()).toEqual(Object.keys(metricUnits).sort())
  })
})

describe('deployments', () => {
  test('of prod give a new version of each function a tenth of the calls first, and take it back when an alarm begins', () => {
    const aliases = resources(prod, 'AWS::Lambda::Alias')
    expect(aliases).toHaveLength(Object.keys(topology.functions).length - 1)
    const groups = resources(prod, 'AWS::CodeDeploy::DeploymentGroup')
    expect(groups).toHaveLength(aliases.length)
    const policies = Object.values(prod.findResources('AWS::Lambda::Alias')).map(each => render(each.UpdatePolicy))
    for (const { id, properties } of groups) {
      expect(properties).toMatchObject({
        DeploymentConfigName: 'CodeDeployDefault.LambdaCanary10Percent10Minutes',
        AutoRollbackConfiguration: { Enabled: true, Events: expect.arrayContaining(['DEPLOYMENT_STOP_ON_ALARM']) },
      })
      const { Alarms } = properties.AlarmConfiguration as { Alarms: { Name: string }[] }
      expect(Alarms.map(({ Name }) => Name).join()).toMatch(/AlarmsHttpErrors.*AlarmsWebSocketErrors.*AlarmsFailures/)
      expect(policies).toContainEqual({
        CodeDeployLambdaAliasUpdate: expect.objectContaining({ DeploymentGroupName: `<${id}>` }),
      })
    }
    const own = groups.filter(group => JSON.stringify(group.properties.AlarmConfiguration).includes('FunctionErrors'))
    expect(own).toHaveLength(aliases.length - 1)
  })

  test('of dev, and of prod when asked for, are all at once', () => {
    const hurried = synthesize({ stage: 'prod', gradual: 'false' })
    for (const template of [dev, hurried]) {
      template.resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 0)
      for (const alias of Object.values(template.findResources('AWS::Lambda::Alias'))) {
        expect(alias.UpdatePolicy).toBeUndefined()
      }
    }
  })
})

test('the stack has room below the 500 resources that CloudFormation allows', () => {
  expect(Object.keys(prod.toJSON().Resources).length).toBeLessThan(480)
})
