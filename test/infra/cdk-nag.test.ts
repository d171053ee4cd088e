import { describe, expect, test } from '@jest/globals'
import { Validations } from 'aws-cdk-lib'
import { Queue } from 'aws-cdk-lib/aws-sqs'
import { AwsSolutionsChecks } from 'cdk-nag'
import type { IConstruct } from 'constructs'
import { build, completeTopology } from './synthesized.ts'

const stages = [['dev'], ['prod']]

/** What the rules find when nothing is acknowledged: the rule, and the path of the construct that breaks it. */
const findings = (root: IConstruct) => {
  const checks = new AwsSolutionsChecks()
  Object.defineProperty(checks, 'isAcknowledged', { value: () => false })
  return checks
    .validateScope(root)
    .violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => ({ rule: ruleName, path: constructPath })),
    )
}

/** What our constructs acknowledge of these rules; the library acknowledges some of its own. */
const acknowledgements = (root: IConstruct) =>
  root.node.findAll().flatMap(construct =>
    construct.node.metadata
      .filter(entry => entry.type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(entry => Object.entries(entry.data as Record<string, string>))
      .map(([id, reason]) => ({ path: construct.node.path, rule: id.replace(/^annotation::/i, ''), reason }))
      .filter(({ rule }) => rule.startsWith('AwsSolutions-')),
  )

describe.each(stages)('%s', stage => {
  test('passes the AwsSolutions rules', () => {
    const { app } = build({ stage }, completeTopology)
    Validations.of(app).addPlugins(new AwsSolutionsChecks())
    expect(() => app.synth()).not.toThrow()
  })

  test('would not pass with one more queue that lets in anybody', () => {
    const { app, stack } = build({ stage }, completeTopology)
    new Queue(stack, 'Careless')
    Validations.of(app).addPlugins(new AwsSolutionsChecks())
    expect(() => app.synth()).toThrow(/Careless.*AwsSolutions-SQS4/s)
  })

  test('every exception is for something that is there, on its very construct, and says why', () => {
    const { app } = build({ stage }, completeTopology)
    const found = findings(app)
    const acknowledged = acknowledgements(app)
    expect(found.length).toBeGreaterThan(0)
    expect(acknowledged.length).toBeGreaterThan(0)
    for (const { path, rule, reason } of acknowledged) {
      expect(reason.length).toBeGreaterThan(40)
      expect(
        found.some(finding => finding.rule === rule && finding.path?.startsWith(`${path}/`)) || `${rule} ${path}`,
      ).toBe(true)
    }
  })
})
