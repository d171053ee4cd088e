import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { Id } from '../platform/ids.ts'
import { createQueue, type Queue } from '../platform/queue.ts'

/** A position moved again within the second: tell where it is now. */
export const ReceiptJob = z.object({
  kind: z.enum(['delivered', 'read']),
  conversationId: Id,
  userId: Id,
  /** A delivered position moved from here. */
  above: z.int().optional(),
})
export type ReceiptJob = z.output<typeof ReceiptJob>

export type ReceiptQueue = Queue<ReceiptJob>

const ReceiptQueueConfig = z.object({ RECEIPTS_QUEUE_URL: z.url() })

export const receiptQueueFromEnvironment = (): ReceiptQueue =>
  createQueue<ReceiptJob>(readConfig(ReceiptQueueConfig).RECEIPTS_QUEUE_URL)
