import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs'

/** The SDK's client as functions use it: it finds the API by the queue's URL. */
export const sqsClient = (options: SQSClientConfig = {}): SQSClient =>
  new SQSClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    ...options,
  })
