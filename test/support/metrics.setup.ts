import type { EmfOutput } from '@aws-lambda-powertools/metrics/types'

declare global {
  /** Everything that was written for CloudWatch to make metrics of, since this test file began. */
  var writtenMetrics: EmfOutput[]
}

/** Before each test file: metrics are kept for tests to look at, and kept out of the report. */
globalThis.writtenMetrics = []
const write = process.stdout.write
process.stdout.write = (chunk: string | Uint8Array, ...others: unknown[]): boolean => {
  if (typeof chunk !== 'string' || !chunk.startsWith('{"_aws"')) {
    return Reflect.apply(write, process.stdout, [chunk, ...others])
  }
  globalThis.writtenMetrics.push(JSON.parse(chunk))
  return true
}
