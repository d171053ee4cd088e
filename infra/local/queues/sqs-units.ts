/** What SQS would bill: requests, one for each 64 KB of a request or its answer, begun. A plain counter that only grows. */
export interface SqsUnits {
  sqsRequests: number
}

const step = 64 * 1024

export const sqsSteps = (bytes: number): number => (bytes <= step ? 1 : Math.ceil(bytes / step))
