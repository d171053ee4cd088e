import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { expect, test } from '@jest/globals'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { Message } from '../../shared/messages/messages.schema.ts'
import type { PushRequest } from '../../shared/notifications/push-request.ts'
import { sqsClient } from '../local/queues/sqs-client.ts'
import { testStack } from '../support/stack.ts'
import { newUser } from '../support/tokens.ts'
import { openSocket, request } from '../support/wire-client.ts'

/** Somebody else may look into the queue, too; what they have taken comes back after a minute. */
const timeoutMs = 90_000

/** Reads the queue as the platform's push service would, until so many requests for this conversation have come. */
const readRequests = async (conversationId: string, count: number): Promise<PushRequest[]> => {
  const client = sqsClient()
  const QueueUrl = testStack().outputs.NotificationsQueueUrl
  const found: PushRequest[] = []
  const deadline = Date.now() + timeoutMs
  while (found.length < count && Date.now() < deadline) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 2 }),
    )
    for (const { Body = '', ReceiptHandle } of Messages) {
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
      const pushRequest = JSON.parse(Body) as PushRequest
      // Other tests leave some people offline, too.
      if (pushRequest.conversationId === conversationId) found.push(pushRequest)
    }
  }
  return found
}

test(
  'who is offline is notified of each message, and nobody who is online, has muted it or wants no push requests',
  async () => {
    const [alice, gone, here, muting, unwilling] = await Promise.all(Array.from({ length: 5 }, newUser))
    if (!alice || !gone || !here || !muting || !unwilling) throw new Error('There are five of them')
    const participantIds = [gone, here, muting, unwilling].map(({ id }) => id)
    const { body: group } = await request<Conversation>('POST /conversations/group', {
      token: alice.token,
      body: { participantIds },
    })
    const path = `/conversations/${group.id}`
    await request(`PUT ${path}/mute`, { token: muting.token, body: { isMuted: true } })
    await request('PUT /notifications/preferences', { token: unwilling.token, body: { pushEnabled: false } })
    const socket = await openSocket(here.token)
    await socket.until(({ event }) => event === 'session.ready')

    const sent: Message[] = []
    for (const content of ['One', 'Two']) {
      sent.push((await request<Message>(`POST ${path}/messages`, { token: alice.token, body: { content } })).body)
    }
    const requests = await readRequests(group.id, 2)
    expect(requests.sort((a, b) => a.seq - b.seq)).toEqual(
      sent.map(({ id, seq, sentAt }) => ({
        version: 1,
        dedupId: `${id}:${gone.id}`,
        collapseKey: expect.any(String),
        userId: gone.id,
        conversationId: group.id,
        messageId: id,
        seq,
        sentAt,
      })),
    )
    await socket.close()
  },
  2 * timeoutMs,
)
