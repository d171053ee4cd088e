import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { inChunks } from './in-chunks.ts'
import { timeLimits } from './time-limits.ts'

/** A queue of one kind of job. At least once, in no order; rejects when SQS does not take the job. */
export interface Queue<Job> {
  /** @param delaySeconds 0 to 900. */
  send(job: Job, delaySeconds?: number): Promise<void>
  /** Any number of jobs, ten a request. */
  sendAll(jobs: readonly { job: Job; delaySeconds?: number }[]): Promise<void>
}

const maxBatch = 10

/** @param limits How often a request is tried, and how long each time. */
export const createQueue = <Job>(queueUrl: string, { attempts = 3, timeoutMs = 2_000 } = {}): Queue<Job> => {
  const client = new SQSClient({
    // The queue's own host: so the same code talks to SQS and to the local host.
    endpoint: new URL(queueUrl).origin,
    maxAttempts: attempts,
    requestHandler: timeLimits(1_000, timeoutMs),
  })
  return {
    send: async (job, delaySeconds = 0) => {
      await client.send(
        new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(job), DelaySeconds: delaySeconds }),
      )
    },
    sendAll: async jobs => {
      for (const some of inChunks(jobs, maxBatch)) {
        const entries = some.map(({ job, delaySeconds = 0 }, index) => ({
          Id: String(index),
          MessageBody: JSON.stringify(job),
          DelaySeconds: delaySeconds,
        }))
        const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }))
        if (Failed.length > 0) throw new Error(`SQS refused ${Failed.length} jobs: ${Failed[0]?.Message}`)
      }
    },
  }
}
