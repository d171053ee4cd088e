import { describe, expect, test } from '@jest/globals'
import { advisoriesIn, unexplained } from '../support/advisories.ts'

const via = (id: string, name: string, severity: string) => ({
  source: 1_096_353,
  name,
  dependency: name,
  title: `A weakness of ${name}`,
  url: `https://github.com/advisories/${id}`,
  severity,
  cwe: ['CWE-1321'],
  range: '<1.2.6',
})
const report = {
  auditReportVersion: 2,
  vulnerabilities: {
    minimist: { name: 'minimist', severity: 'critical', via: [via('GHSA-xvch-5gv4-984h', 'minimist', 'critical')] },
    mkdirp: { name: 'mkdirp', severity: 'critical', via: ['minimist'] },
    ws: {
      name: 'ws',
      severity: 'high',
      via: [via('GHSA-3h5v-q93c-6h6q', 'ws', 'high'), via('GHSA-6fc8-4gx4-v693', 'ws', 'moderate')],
    },
  },
  metadata: { vulnerabilities: { total: 3 } },
}

describe('what npm audit prints', () => {
  test('gives each advisory once, by the package that has it', () => {
    expect(advisoriesIn(JSON.stringify(report))).toEqual([
      {
        id: 'GHSA-xvch-5gv4-984h',
        package: 'minimist',
        severity: 'critical',
        title: 'A weakness of minimist',
      },
      { id: 'GHSA-3h5v-q93c-6h6q', package: 'ws', severity: 'high', title: 'A weakness of ws' },
      { id: 'GHSA-6fc8-4gx4-v693', package: 'ws', severity: 'moderate', title: 'A weakness of ws' },
    ])
  })

  test('is empty when there is nothing', () => {
    expect(advisoriesIn('{"auditReportVersion":2,"vulnerabilities":{},"metadata":{}}')).toEqual([])
  })

  test.each([
    ['refuses', '{"message":"405 Method Not Allowed","statusCode":405,"body":""}'],
    ['is not there', '{"error":{"code":"ENOTFOUND","summary":"request failed"}}'],
    ['says nothing', ''],
  ])('is no answer when the registry %s', (_, output) => {
    expect(advisoriesIn(output)).toBeUndefined()
  })
})

test('an advisory that the documentation names is explained', () => {
  const advisories = advisoriesIn(JSON.stringify(report)) ?? []
  const documentation = '| `GHSA-3h5v-q93c-6h6q` | ws | only servers that … |\n| `GHSA-xvch-5gv4-984h` | minimist | … |'
  expect(unexplained(advisories, documentation).map(({ id }) => id)).toEqual(['GHSA-6fc8-4gx4-v693'])
})
