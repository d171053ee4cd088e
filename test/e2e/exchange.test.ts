import { randomUUID } from 'node:crypto'
import { expect, test } from '@jest/globals'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import { tokenFor } from '../support/tokens.ts'
import { openSocket, request, type WireSocket } from '../support/wire-client.ts'

const each = 1_000
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** A user's messages one after the other, as a client sends those of one conversation; returns the `seq` of each. */
const sendAll = async (socket: WireSocket, conversationId: string, name: string): Promise<number[]> => {
  const seqs: number[] = []
  for (const number of numbers(1, each)) {
    const answer = await socket.ask('message.send', { conversationId, content: `${name} ${number}` })
    expect(answer.event).toBe('ack')
    seqs.push(Number(answer.data?.seq))
  }
  return seqs
}

const received = (socket: WireSocket): Message[] =>
  socket.events('message.created').map(data => data.message as Message)

const wholeHistory = async (token: string, conversationId: string): Promise<Message[]> => {
  const items: Message[] = []
  for (;;) {
    const query = `?limit=100&after=${items.at(-1)?.seq ?? 0}`
    const { body } = await request<MessagePage>(`GET /conversations/${conversationId}/messages${query}`, { token })
    items.push(...body.items)
    if (!body.hasMore) return items
  }
}

test('two users send each other 1,000 messages at once: each arrives once, and seq has no gap', async () => {
  const [alice, bob] = [randomUUID(), randomUUID()]
  const [alicesToken, bobsToken] = [await tokenFor(alice), await tokenFor(bob)]
  const { body: conversation } = await request<Conversation>('POST /conversations/direct', {
    token: alicesToken,
    body: { targetUserId: bob },
  })
  const [alices, bobs] = await Promise.all([openSocket(alicesToken), openSocket(bobsToken)])

  const [seqsOfAlice, seqsOfBob] = await Promise.all([
    sendAll(alices, conversation.id, 'Alice'),
    sendAll(bobs, conversation.id, 'Bob'),
  ])
  await Promise.all([alices, bobs].map(socket => socket.until(() => received(socket).length >= each)))

  const inOrder = (seqs: readonly number[]) => seqs.toSorted((a, b) => a - b)
  expect(inOrder([...seqsOfAlice, ...seqsOfBob])).toEqual(numbers(1, 2 * each))
  expect(seqsOfAlice).toEqual(inOrder(seqsOfAlice))
  expect(seqsOfBob).toEqual(inOrder(seqsOfBob))

  const sentBy = (seqs: readonly number[], senderId: string, name: string) =>
    seqs.map((seq, index) => [seq, senderId, `${name} ${index + 1}`])
  const summary = (messages: readonly Message[]) =>
    messages.toSorted((a, b) => a.seq - b.seq).map(({ seq, senderId, content }) => [seq, senderId, content])
  expect(summary(received(bobs))).toEqual(sentBy(seqsOfAlice, alice, 'Alice'))
  expect(summary(received(alices))).toEqual(sentBy(seqsOfBob, bob, 'Bob'))

  for (const token of [alicesToken, bobsToken]) {
    const history = await wholeHistory(token, conversation.id)
    expect(history.map(({ seq }) => seq)).toEqual(numbers(1, 2 * each))
    expect(summary(history.filter(({ senderId }) => senderId === alice))).toEqual(sentBy(seqsOfAlice, alice, 'Alice'))
    expect(summary(history.filter(({ senderId }) => senderId === bob))).toEqual(sentBy(seqsOfBob, bob, 'Bob'))
  }
  const { body: after } = await request<Conversation>(`GET /conversations/${conversation.id}`, { token: bobsToken })
  expect(after).toMatchObject({ lastSeq: 2 * each, lastMessage: { seq: 2 * each } })
  await Promise.all([alices.close(), bobs.close()])
}, 60_000)
