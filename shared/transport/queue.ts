import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch'
import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import type * as z from 'zod'
import { logger, withLogIds } from '../platform/logger.ts'
import { loggingIds } from './log-ids.ts'
import { publishingMetrics } from './measuring.ts'

/** What a worker knows of its invocation. */
export interface Invocation {
  /** How long the function may still run, in milliseconds. */
  remainingMs: () => number
}

/** A job that makes no sense will not make sense the next time: it is dropped, with a line in the log, not retried. */
const parseJob = <Job>(schema: z.ZodType<Job>, { body }: SQSRecord): Job | undefined => {
  try {
    return schema.parse(JSON.parse(body))
  } catch (error) {
    logger.error('A job is not valid and is dropped', error as Error)
    return undefined
  }
}

/**
 * The handler of a queue: describes what to do with one job, all jobs of a batch at the same time. A job that rejects comes
 * again after the visibility time-out, alone, and goes to the dead-letter queue in the end; the rest of its batch is done.
 */
export const queue = <Job>(schema: z.ZodType<Job>, work: (job: Job, invocation: Invocation) => Promise<void>) =>
  loggingIds(
    middy<SQSEvent, SQSBatchResponse>()
      .use(publishingMetrics)
      .handler(async (event, context) => {
        const invocation = { remainingMs: () => context.getRemainingTimeInMillis() }
        const processRecord = async (record: SQSRecord): Promise<void> => {
          const job = parseJob(schema, record)
          if (job === undefined) return
          try {
            await work(job, invocation)
          } catch (error) {
            logger.error('A job failed', {
              received: record.attributes.ApproximateReceiveCount,
              error: error as Error,
            })
            throw error
          }
        }
        const processWithIds = (record: SQSRecord) =>
          withLogIds({ messageId: record.messageId }, () => processRecord(record))
        return processPartialResponse(event, processWithIds, new BatchProcessor(EventType.SQS), {
          context: context as Context,
          throwOnFullBatchFailure: false,
        })
      }),
  )
