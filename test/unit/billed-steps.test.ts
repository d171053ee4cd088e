import { expect, test } from '@jest/globals'
import { httpSteps, webSocketSteps } from '../../infra/local/gateway/gateway-units.ts'
import { sqsSteps } from '../../infra/local/queues/sqs-units.ts'

test.each([
  ['frames', webSocketSteps, 32],
  ['requests of the HTTP API', httpSteps, 512],
  ['requests to SQS', sqsSteps, 64],
] as const)('%s are billed for each step begun, an empty one too', (_, steps, kilobytes) => {
  const step = kilobytes * 1_024
  expect([0, 1, step, step + 1, 2 * step, 2 * step + 1].map(steps)).toEqual([1, 1, 1, 2, 2, 3])
})
