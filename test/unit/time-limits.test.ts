import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createPush } from '../../shared/delivery/push.ts'
import { kmsWrapping } from '../../shared/encryption/kms-wrapping.ts'
import { createQueue } from '../../shared/platform/queue.ts'

/** Takes connections and never answers. */
const silent = createServer(() => {})
const url = () => `http://127.0.0.1:${(silent.address() as AddressInfo).port}`

beforeAll(async () => {
  Object.assign(process.env, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' })
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
})
afterAll(() => void silent.close())

// Without a limit neither would ever come back, and the test would run out of time.
test('a push that the gateway does not answer is given up', async () => {
  expect(await createPush({ WEBSOCKET_API_ENDPOINT: url() }).send('TWegAcC4EowCHnA=', '{}')).toBe('failed')
})

test('a job that SQS does not answer for is given up', async () => {
  await expect(createQueue(`${url()}/000000000000/queue`).send({})).rejects.toThrow('requestTimeout')
})

test('a key that KMS does not answer for is given up', async () => {
  process.env.AWS_ENDPOINT_URL_KMS = url()
  const wrapping = kmsWrapping({ keyArn: 'arn:aws:kms:us-east-1:000000000000:key/1', stage: 'test' })
  await expect(wrapping.unwrap(new Uint8Array(60))).rejects.toMatchObject({ code: 'store_unavailable' })
})
