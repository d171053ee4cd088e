import { randomUUID } from 'node:crypto'
import type { SQSEvent } from 'aws-lambda'
import type { Queue } from '../../shared/platform/queue.ts'

export interface QueuedJob<Job> {
  job: Job
  delaySeconds: number
}

/** Stands for SQS: keeps the jobs until the test has them done. */
export interface RecordingQueue<Job> extends Queue<Job> {
  readonly jobs: QueuedJob<Job>[]
  /** From now on nothing can be queued. */
  fail(isFailing: boolean): void
  /** Takes every job that is queued now. */
  takeAll(): Job[]
}

export const recordingQueue = <Job>(): RecordingQueue<Job> => {
  const jobs: QueuedJob<Job>[] = []
  let isFailing = false
  const add = (job: Job, delaySeconds: number) => {
    if (isFailing) throw new Error('SQS is gone')
    // As over the wire: what JSON does not carry does not arrive.
    jobs.push({ job: JSON.parse(JSON.stringify(job)) as Job, delaySeconds })
  }
  return {
    jobs,
    fail: failing => {
      isFailing = failing
    },
    takeAll: () => jobs.splice(0).map(({ job }) => job),
    send: async (job, delaySeconds = 0) => add(job, delaySeconds),
    sendAll: async all => {
      for (const { job, delaySeconds = 0 } of all) add(job, delaySeconds)
    },
  }
}

/** Jobs as the event of a queue's function. */
export const sqsEventOf = (jobs: readonly unknown[]): SQSEvent => ({
  Records: jobs.map(job => ({
    messageId: randomUUID(),
    receiptHandle: 'test',
    body: JSON.stringify(job),
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '0',
      SenderId: 'test',
      ApproximateFirstReceiveTimestamp: '0',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:test',
    awsRegion: 'us-east-1',
  })),
})
