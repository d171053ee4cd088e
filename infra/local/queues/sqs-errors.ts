/** An error as SQS answers it: the name that the SDK shows, the older name of the query protocol, and a sentence. */
export class SqsError extends Error {
  override readonly name: string
  readonly queryCode: string
  readonly status: number

  constructor(name: string, message: string, { queryCode = name, status = 400 } = {}) {
    super(message)
    this.name = name
    this.queryCode = queryCode
    this.status = status
  }
}

export const queueDoesNotExist = (): SqsError =>
  new SqsError('QueueDoesNotExist', 'The specified queue does not exist.', {
    queryCode: 'AWS.SimpleQueueService.NonExistentQueue',
  })

export const invalidReceipt = (receiptHandle: string): SqsError =>
  new SqsError('ReceiptHandleIsInvalid', `The input receipt handle "${receiptHandle}" is not a valid receipt handle.`)

export const notInFlight = (): SqsError =>
  new SqsError('MessageNotInflight', 'The message referred to is not in flight.', {
    queryCode: 'AWS.SimpleQueueService.MessageNotInflight',
  })

export const serviceUnavailable = (): SqsError =>
  new SqsError('ServiceUnavailable', 'The request has failed due to a temporary failure of the server.', {
    status: 503,
  })
